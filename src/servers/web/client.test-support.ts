// Test support: an HTTP client that sends bytes as they are and reads answers strictly, and a certificate for tests.
// Called by the tests of this floor and of cli; calls the Duplex it is given.

import type { Duplex } from 'node:stream';

/** An answer as it came. Field names in lower case; values of equal names joined by ", ". */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One connection. Fails loudly on anything that is not HTTP/1.1 with Content-Length. */
export class Client {
  readonly socket: Duplex;
  #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Duplex) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** Sends text, one byte a character. */
  send(text: string): this {
    this.socket.write(Buffer.from(text, 'latin1'));
    return this;
  }

  /** Sends a request with a Host field and reads its answer. */
  async ask(method: string, target: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    this.send(`${method} ${target} HTTP/1.1\r\nHost: test\r\n${lines.join('')}\r\n`);
    return this.answer(method === 'HEAD');
  }

  get(target: string, fields?: Readonly<Record<string, string>>): Promise<Answer> {
    return this.ask('GET', target, fields);
  }

  /** Reads the next answer; `bodyless`: to a HEAD. */
  async answer(bodyless = false): Promise<Answer> {
    const end = await this.#find('\r\n\r\n');
    const [first, ...lines] = this.#take(end + 4)
      .toString('latin1')
      .trimEnd()
      .split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) [A-Za-z '-]+$/.exec(first!)?.[1]);
    if (Number.isNaN(status)) throw new Error(`no status line: ${first}`);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const m = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*))?$/.exec(line);
      if (m === null) throw new Error(`no header field: ${JSON.stringify(line)}`);
      const name = m[1]!.toLowerCase();
      headers[name] = headers[name] === undefined ? (m[2] ?? '') : `${headers[name]}, ${m[2]}`;
    }
    if (status < 200) return this.answer(bodyless);
    if (bodyless || status === 204 || status === 304) return { status, headers, body: Buffer.alloc(0) };
    if (!/^\d+$/.test(headers['content-length'] ?? '')) throw new Error(`no Content-Length in a ${status}`);
    return { status, headers, body: await this.bytes(Number(headers['content-length'])) };
  }

  /** The next `n` bytes. */
  async bytes(n: number): Promise<Buffer> {
    while (this.#length < n) await this.#more(`${n} bytes`);
    return this.#take(n);
  }

  /** Everything until the server ends the connection. */
  async rest(): Promise<Buffer> {
    while (!this.#ended) await this.#more('the end');
    return this.#take(this.#length);
  }

  close(): void {
    this.socket.destroy();
  }

  async #find(text: string): Promise<number> {
    for (;;) {
      const at = this.#data().indexOf(text);
      if (at >= 0) return at;
      await this.#more(JSON.stringify(text));
    }
  }

  /** All that has come and was not taken, in one piece. */
  #data(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  #take(n: number): Buffer {
    const data = this.#data();
    this.#chunks = [data.subarray(n)];
    this.#length -= n;
    return data.subarray(0, n);
  }

  async #more(wanted: string): Promise<void> {
    if (this.#ended)
      throw new Error(`ended before ${wanted}; left: ${JSON.stringify(this.#data().toString('latin1', 0, 200))}`);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Self-signed for localhost, 127.0.0.1 and 10.0.0.2, for a hundred years. Its key is public: for tests only. */
export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBozCCAUmgAwIBAgIUKyrjZ24iBqqRlJVwq1gDva7r0gUwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKcmluZzMgdGVzdDAgFw0yNjExMjIxOTQ2NDFaGA8yMTI2MTAy
OTE5NDY0MVowFTETMBEGA1UEAwwKcmluZzMgdGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABK+B3q1/W7Q7TOyvocaKnEmTeF5QISqTLoKddvwmQuNyGCbErwhD
2DckpVrt9B+QKEA1le0h4dauaSOKhXeIQsqjdTBzMB0GA1UdDgQWBBSOku2WjJbA
sdxlV992wfq+WiYvIjAfBgNVHSMEGDAWgBSOku2WjJbAsdxlV992wfq+WiYvIjAP
BgNVHRMBAf8EBTADAQH/MCAGA1UdEQQZMBeCCWxvY2FsaG9zdIcEfwAAAYcECgAA
AjAKBggqhkjOPQQDAgNIADBFAiEA0UutXYJxpAbSn7JvYDAr27nhwKwKDQ0l+6Li
kPMVurcCIF+AjFK8sS0eiF4vG5Ptv4riNPRUdOULFnuYPyOvcC6A
-----END CERTIFICATE-----
`;
export const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5MFC+B24Kejv8CHT
INT7ESrkRllAcBeXRIDWfJwhyYehRANCAASvgd6tf1u0O0zsr6HGipxJk3heUCEq
ky6CnXb8JkLjchgmxK8IQ9g3JKVa7fQfkChANZXtIeHWrmkjioV3iELK
-----END PRIVATE KEY-----
`;
