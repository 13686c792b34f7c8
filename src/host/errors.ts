// Errors of this floor: one line for people, a code for programs. Made where a device or a port cannot be had.
// Called by every file of this floor that opens something; calls nothing.

/** An Error whose `message` is one line that says what is wrong and what to do; cli prints it and nothing else. */
export interface HostError extends Error {
  /** Node's name of the error (EPERM, EBUSY, EADDRINUSE, ...), or ERR_RING3_NO_FFI. */
  readonly code: string;
  /** The system call that failed, where one did. */
  readonly syscall?: string;
}

/** Makes a HostError. */
export function hostError(code: string, message: string, syscall?: string): HostError {
  const error = new Error(message);
  return Object.assign(error, syscall === undefined ? { code } : { code, syscall });
}

/** The `code` of an error thrown by Node or by this floor, or ''. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
