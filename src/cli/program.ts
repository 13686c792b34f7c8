// The commands and their options, as commander has them: what is parsed, what --help says.
// Called by main.ts and tests; calls serve.ts, ping.ts, fetch.ts and drill.ts.

import { Command, CommanderError, Option } from 'commander';
import { IGNORED } from '../sim/drill/config.ts';
import type { DrillCliOptions } from './drill.ts';
import { CliError, EXIT_USAGE } from './errors.ts';
import type { FetchOptions } from './fetch.ts';
import { addLinkOptions, readCount, readPort, readPorts, readSize, readTime, several } from './options.ts';
import type { PingOptions } from './ping.ts';
import type { ServeOptions } from './serve.ts';
import { VERSION } from './version.ts';

/** What runs the commands; tests put their own there. */
export interface Commands {
  serve(dir: string, options: ServeOptions): Promise<number>;
  ping(address: string, options: PingOptions): Promise<number>;
  fetch(url: string, options: FetchOptions): Promise<number>;
  drill(files: readonly string[], options: DrillCliOptions): Promise<number>;
}

/** Loaded when they are called: --help and --version need no stack. */
const COMMANDS: Commands = {
  serve: async (...args) => (await import('./serve.ts')).serve(...args),
  ping: async (...args) => (await import('./ping.ts')).ping(...args),
  fetch: async (...args) => (await import('./fetch.ts')).fetchUrl(...args),
  drill: async (...args) => (await import('./drill.ts')).drillFiles(...args),
};

const EPILOG = `
Examples:
  $ ring3 serve public                      http://127.0.0.1:8080, without root
  $ sudo ring3 serve public --link tap      an address of its own on a new device
  $ ring3 drill test/scripts                scripts in packetdrill's notation, in virtual time

"ring3 COMMAND --help" tells more.`;

const SERVE_EXAMPLES = `
Without --port: 8080 on host and kernel; 80, and 443 with a certificate, on tun and tap.
With a certificate, every port answers both HTTPS and HTTP.
With --log, standard output is the log's alone; everything else goes to standard error.
SIGTERM, SIGINT and SIGHUP let running answers finish; a second SIGTERM or SIGINT ends at once.

Examples:
  $ ring3 serve public
  $ ring3 serve public --port 9000 --log combined
  $ ring3 serve public --tls-cert cert.pem --tls-key key.pem
  $ ring3 serve public --capture web.pcapng
  $ ring3 serve public --fault drop=0.02,reorder=0.02,duplicate=0.01,seed=7
  $ ring3 serve public --metrics 9100
  $ sudo ring3 serve public --link tap --dev ring0 --address 10.3.0.2/24 --address fd03::2/64
  $ ring3 serve public --link kernel        the same server on the kernel's stack, to compare`;

const DEVICE_EXAMPLE = `
It needs a device. To make one that lasts and that you can open without root:
  # ip tuntap add dev ring0 mode tap user $USER
  # ip addr add 10.3.0.1/24 dev ring0
  # ip link set ring0 up
`;

const PING_EXAMPLES = `${DEVICE_EXAMPLE}
Examples:
  $ ring3 ping --link tap 10.3.0.1
  $ ring3 ping --link tap -c 3 -s 1400 -i 200ms 10.3.0.1
  $ ring3 ping --link tun --address fd03::2/64 fd03::1

Exit code: 0 if anything answered, 1 if nothing did.`;

const FETCH_EXAMPLES = `${DEVICE_EXAMPLE}
Examples:
  $ ring3 fetch --link tap http://10.3.0.1:8000/
  $ ring3 fetch --link tap --gateway 10.3.0.1 -o page.html https://example.org/

Exit code: 0 if the whole content came, 1 if not.`;

const DRILL_OPTIONS: Readonly<Record<string, string>> = {
  mtu: 'of the link (default: 1500)',
  local_ip: 'the address of the stack (default: 192.168.0.1, fd3d:a0b:17d6::1)',
  remote_ip: 'the address of the other end (default: 192.0.2.1, fd3d:fa7b:d17d::1)',
  bind_port: 'the port that "..." stands for in bind (default: 8080)',
  connect_port: 'the port that "..." stands for in connect (default: 8080)',
  tolerance_usecs: 'how far from its time a thing may happen (default: 4000)',
  tolerance_percent: 'the same, as a share of the time since the event before (default: 0)',
  tcp_ts_tick_usecs: 'check TS val with ticks of that many microseconds (default: 0, not at all)',
};

const DRILL_EXAMPLES = `
A script says packet by packet what happens:

  0    socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
  +0   bind(3, ..., ...) = 0
  +0   listen(3, 1) = 0
  +.1  < S 0:0(0) win 32792 <mss 1460>        to the stack
  +0   > S. 0:0(0) ack 1 <mss 1460>           what it must answer
  +.1  < . 1:1(0) ack 1 win 257
  +0   accept(3, ..., ...) = 4
  +0   %{ assert tcpi_snd_cwnd == 10 }%

No privileges are needed, and no time goes by: a script that spans minutes takes milliseconds. The stack starts with
Linux's defaults. \`sysctl -q name=value\` sets what it has; nothing is ever run in a shell.

Examples:
  $ ring3 drill close.pkt
  $ ring3 drill -v --pcap close.pcapng close.pkt
  $ ring3 drill test/scripts

Exit code: 0 if every script came true, 1 if one did not or could not be read, 2 for options that cannot be used.`;

/** Builds the program. Its parseAsync() throws CommanderErrors and CliErrors; run() takes care of them. */
export function makeProgram(commands: Commands, done: (code: number) => void): Command {
  const program = new Command('ring3');
  program
    .description('a TCP/IP stack of its own, and a web server on it')
    .version(`ring3 ${VERSION}`, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show help for a command')
    .addHelpText('after', EPILOG);
  addServe(program, commands, done);
  addPing(program, commands, done);
  addFetch(program, commands, done);
  addDrill(program, commands, done);
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureHelp({ sortOptions: false })
      .configureOutput({ outputError: () => {} }) // run() prints it, in one line
      .helpOption('-h, --help', 'show this help');
  }
  return program;
}

function addServe(program: Command, commands: Commands, done: (code: number) => void): void {
  const command = program.command('serve').description('serve a folder over HTTP').argument('<dir>', 'the folder');
  addLinkOptions(command, 'host')
    .option('--port <n>', 'a TCP port; repeatable; 0: any that is free', readPorts)
    .option('--tls-cert <file>', 'a certificate, with its chain, in PEM: HTTPS with HTTP/2 and HTTP/1.1')
    .option('--tls-key <file>', 'its key, in PEM')
    .addOption(new Option('--log <format>', 'write an access log to standard output').choices(['combined', 'json']))
    .option('--metrics <port>', "the counters as OpenMetrics text, on this port of the kernel's 127.0.0.1", readPort)
    .option('--drain <time>', 'how long running answers may take after a signal', readTime, 30_000_000)
    .addHelpText('after', SERVE_EXAMPLES)
    .action(async (dir: string, options: ServeOptions) => done(await commands.serve(dir, options)));
  showDefault(command, 'drain', '30s');
}

function addPing(program: Command, commands: Commands, done: (code: number) => void): void {
  const command = program
    .command('ping')
    .description('send echo requests from the stack')
    .argument('<address>', 'an address, or a name that this machine can look up');
  command
    .option('-c, --count <n>', 'stop after so many', readCount)
    .option('-s, --size <bytes>', 'bytes of payload, such as 1400 or 1kB', readSize, 56)
    .option('-i, --interval <time>', 'time between two; a bare number is seconds', readSeconds, 1_000_000)
    .option(
      '-W, --wait <time>',
      'how long to wait for the last answers; a bare number is seconds',
      readSeconds,
      2_000_000,
    )
    .option('-t, --ttl <n>', 'time to live, or hop limit', readCount)
    .option('-q, --quiet', 'show only the statistics');
  addLinkOptions(command, 'host')
    .addHelpText('after', PING_EXAMPLES)
    .action(async (address: string, options: PingOptions) => done(await commands.ping(address, options)));
  showDefault(command, 'interval', '1s');
  showDefault(command, 'wait', '2s');
}

function addFetch(program: Command, commands: Commands, done: (code: number) => void): void {
  const command = program
    .command('fetch')
    .description('get a URL from the stack')
    .argument('<url>', 'http:// or https://; redirects are followed');
  command
    .option('-o, --output <file>', 'write to a file in place of standard output')
    .option('-H, --header <line>', 'a header field "Name: value"; repeatable', several(String))
    .option('-k, --insecure', 'take any certificate')
    .option('-q, --quiet', 'say nothing about how it went')
    .option('--timeout <time>', 'give up when nothing moves for so long', readTime, 30_000_000);
  addLinkOptions(command, 'host')
    .addHelpText('after', FETCH_EXAMPLES)
    .action(async (url: string, options: FetchOptions) => done(await commands.fetch(url, options)));
  showDefault(command, 'timeout', '30s');
}

function addDrill(program: Command, commands: Commands, done: (code: number) => void): void {
  const command = program
    .command('drill')
    .description("run scripts in packetdrill's notation against the stack, in virtual time")
    .argument('<file...>', 'scripts, or folders: every *.pkt below them');
  command
    .option('-D, --define <name=value>', 'a name for #ifdef, and what stands for it; repeatable', several(String))
    .option('--strict', 'no tolerance: everything must happen at its microsecond')
    .option('-v, --verbose', 'show each event')
    .option('-q, --quiet', 'show only what fails')
    .option('--pcap <path>', 'record the packets as pcapng: a file, or with several scripts a folder')
    .addOption(new Option('--ip_version <version>', 'for every script').choices(['ipv4', 'ipv6', 'ipv4-mapped-ipv6']));
  for (const [name, what] of Object.entries(DRILL_OPTIONS)) command.option(`--${name} <value>`, what);
  command
    .addHelpText('after', DRILL_EXAMPLES)
    .action(async (files: string[], options: DrillCliOptions & Record<string, unknown>) => {
      const names = ['ip_version', ...Object.keys(DRILL_OPTIONS)];
      const script = names.flatMap((name): [string, string][] =>
        options[name] === undefined ? [] : [[name, String(options[name])]],
      );
      done(await commands.drill(files, { ...options, script }));
    });
}

/** packetdrill has options that mean nothing here, with a value or without: taken so that command lines need no change. */
function withoutIgnored(args: readonly string[]): string[] {
  return args.filter((arg) => {
    const name = /^--([a-z_]+)(?:=|$)/.exec(arg)?.[1];
    return name === undefined || name === 'verbose' || !(IGNORED.includes(name) || name === 'non_fatal');
  });
}

/** ping(8) takes seconds where no unit is given. */
function readSeconds(text: string): number {
  return readTime(/^[\d.]+$/.test(text) ? `${text}s` : text);
}

/** How a default that is kept in microseconds is shown in help. */
function showDefault(command: Command, name: string, text: string): void {
  const option = command.options.find((one) => one.attributeName() === name);
  if (option !== undefined) option.defaultValueDescription = text;
}

/** Runs a command line (without node and script); resolves to the exit code. Errors are one line on stderr. */
export async function run(
  args: readonly string[],
  commands: Commands = COMMANDS,
  stderr: (text: string) => void = (text) => void process.stderr.write(text),
): Promise<number> {
  let code = 0;
  const program = makeProgram(commands, (result) => {
    code = result;
  });
  const name = program.commands.some((command) => command.name() === args[0]) ? `ring3 ${args[0]}` : 'ring3';
  if (args.length === 0) {
    stderr(program.helpInformation() + EPILOG + '\n');
    return EXIT_USAGE;
  }
  try {
    await program.parseAsync(args[0] === 'drill' ? withoutIgnored(args) : [...args], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0; // --help and --version have said what they had to
      stderr(`${name}: ${oneLine(plainMessage(error))}; see "${name} --help"\n`);
      return EXIT_USAGE;
    }
    if (error instanceof CliError) {
      stderr(`${name}: ${oneLine(error.message)}\n`);
      return error.exitCode;
    }
    const { code: errno, message } = error as NodeJS.ErrnoException;
    stderr(`${name}: ${oneLine(message ?? String(error))}\n`);
    // A defect of ours, and no error that the system has named: whoever looks for it may want to see where.
    if (errno === undefined && process.env['RING3_DEBUG']) stderr(`${(error as Error).stack}\n`);
    return 1;
  }
}

/** commander's message without its prefix, and without what the reader of an option's value says better. */
function plainMessage(error: CommanderError): string {
  return error.message
    .replace(/^error: /, '')
    .replace(
      /^option '(--[\w-]+)[^']*' argument '(.*)' is invalid\. Allowed choices are (.*)$/s,
      '$1: "$2" is none of $3',
    )
    .replace(/^option '(?:-\w, )?(--[\w-]+)[^']*' argument '.*' is invalid\. (fault: )?/s, '$1: ');
}

function oneLine(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
}
