// Request targets: from what a client wrote to the names of files inside the folder, or the status that refuses it.
// Called by handler.ts; calls nothing. files.ts opens what comes out, and guards against links by itself.
//
// Decoded names are "byte strings": one UTF-16 unit per byte, as file names on Linux are bytes, not text. A name is
// decoded once and compared after decoding, so that an encoded `..` is a `..` and a twice encoded one is a plain name.

/** A request target that may name something inside the folder. */
export interface Target {
  /** The names along the path, decoded, as byte strings; none is empty or starts with a dot. [] is the folder itself. */
  readonly names: readonly string[];
  /** The target ends in "/": only a folder answers to it. */
  readonly folder: boolean;
  /** The path encoded anew, beginning with one "/"; without a trailing slash unless it is "/". Safe in a header. */
  readonly path: string;
  /** "?" and the query as it came, or ''. Safe in a header. */
  readonly query: string;
}

/** PATH_MAX of Linux without its NUL: a longer path names nothing. */
const PATH_MAX = 4095;
/** NAME_MAX of every common file system. */
const NAME_MAX = 255;

const ABSOLUTE_FORM = /^https?:\/\/[^/?#]+/i;
/** pchar of RFC 3986 section 3.3, unencoded, without "%". */
const PLAIN = /[A-Za-z0-9\-._~!$&'()*+,;=:@]/;
/** Names that Windows gives to devices, with or without an extension. */
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com[0-9\xb9\xb2\xb3]|lpt[0-9\xb9\xb2\xb3]|conin\$|conout\$)(\.|$)/i;

/**
 * Reads a request target (RFC 9112 section 3.2): origin-form or absolute-form. Returns a Target; or 400 where it is
 * malformed: bad percent-encoding, a fragment, another form; or 404 where it is well formed and can name nothing here:
 * a name with a leading dot (so `.`, `..` and dotfiles), an empty name, "/", "\" or NUL inside a name, too long.
 * `platform` as in process.platform: on Windows, names of devices and streams are refused as well.
 */
export function readTarget(target: string, platform = 'linux'): Target | 400 | 404 {
  const at = target.startsWith('/') ? 0 : (ABSOLUTE_FORM.exec(target)?.[0].length ?? -1);
  if (at < 0 || target.includes('#')) return 400;
  const mark = target.indexOf('?', at);
  const rawPath = target.slice(at, mark < 0 ? undefined : mark) || '/';
  const bytes = decode(rawPath);
  if (bytes === null) return 400;
  const names = bytes.slice(1).map(String);
  const folder = names[names.length - 1] === '';
  if (folder) names.pop();
  if (rawPath.length > 3 * PATH_MAX || names.join('/').length > PATH_MAX) return 404;
  if (!names.every((name) => isServable(name, platform))) return 404;
  const path = '/' + names.map(encode).join('/');
  const query = mark < 0 ? '' : printable(target.slice(mark));
  return { names, folder, path, query };
}

/** Whether a decoded name may be looked up at all. */
function isServable(name: string, platform: string): boolean {
  if (name === '' || name.length > NAME_MAX || name.charCodeAt(0) === 46) return false;
  if (name.includes('\0') || name.includes('/') || name.includes('\\')) return false;
  return platform !== 'win32' || (!/[:*?"<>|]|[. ]$/.test(name) && !WINDOWS_DEVICE.test(name));
}

/**
 * Splits at "/" and then decodes percent-encoding, so that "%2f" never separates. Null where a "%" is not followed by
 * two hexadecimal digits, or where there is a control character or a space (HTTP/2 lets them through).
 */
function decode(path: string): string[] | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/%(?![0-9a-f]{2})|[\x00-\x20\x7f]/i.test(path)) return null;
  return path
    .split('/')
    .map((part) => toBytes(part).replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
}

/** Characters beyond one byte (HTTP/2 may hand out decoded UTF-8) become their UTF-8 bytes. */
function toBytes(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the complement of one byte
  return /[^\x00-\xff]/.test(text) ? Buffer.from(text).toString('latin1') : text;
}

/** Percent-encodes a byte string as one path segment (RFC 3986 section 3.3). */
function encode(name: string): string {
  let out = '';
  for (const c of name) out += PLAIN.test(c) ? c : percent(c.charCodeAt(0));
  return out;
}

/** Percent-encodes what may not stand in a header or a URI; "%" stays, as the query is not decoded. */
function printable(query: string): string {
  return toBytes(query).replace(/[^\x21-\x7e]|["<>\\^`{|}]/g, (c) => percent(c.charCodeAt(0)));
}

function percent(byte: number): string {
  return '%' + byte.toString(16).toUpperCase().padStart(2, '0');
}
