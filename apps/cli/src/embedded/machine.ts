import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** What the search for servers needs to know of the machine, and may do to it. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly architecture: NodeJS.Architecture;
  readonly isRoot: boolean;
  /** Path of the first of these programs that exists. */
  find(...names: readonly string[]): Promise<string | undefined>;
  /** Runs a command to its end; a command that cannot be started counts as failed. */
  run(command: readonly [string, ...string[]]): Promise<CommandResult>;
}

interface CommandResult {
  readonly ok: boolean;
  /** Both streams, for a person to read. */
  readonly output: string;
}

// Where package managers put servers, also when the PATH of a desktop session or a plain user leaves these folders out.
const USUAL_FOLDERS = [
  '/usr/bin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/local/sbin',
  '/opt/homebrew/bin',
  '/home/linuxbrew/.linuxbrew/bin',
  '/snap/bin',
];
const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;

export function thisMachine(signal?: AbortSignal): Machine {
  return {
    platform: process.platform,
    architecture: process.arch,
    isRoot: process.getuid?.() === 0,
    find: (...names) => findProgram(names, (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)),
    run: ([program, ...args]) => runCommand(program, args, signal),
  };
}

async function findProgram(names: readonly string[], path: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of [...path, ...USUAL_FOLDERS]) {
      const candidate = join(folder, name);
      if (await isExecutable(candidate)) return candidate;
    }
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function runCommand(program: string, args: readonly string[], signal?: AbortSignal): Promise<CommandResult> {
  return new Promise((resolve) => {
    const options = {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', HOMEBREW_NO_AUTO_UPDATE: '1' },
      maxBuffer: OUTPUT_LIMIT_BYTES,
      ...(signal !== undefined && { signal }),
    };
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ ok: error === null, output: `${stdout}${stderr}${stderr === '' && error ? error.message : ''}` });
    });
  });
}
