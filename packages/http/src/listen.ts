import { EngineError } from '@llm-engine/contracts';
import type { FastifyInstance } from 'fastify';
import type { Access } from './access.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Refuses addresses that others can reach while there are no keys. Leave it out for a server that holds nothing secret. */
  readonly access?: Access;
  /** Names of the settings that change host and port, for the message when they do not work. */
  readonly variables: { readonly host: string; readonly port: string };
}

export interface Listening {
  /** Where a client on this machine reaches the server. */
  readonly url: string;
  readonly port: number;
}

/** Begins to listen. Throws `invalid_config`, which names the setting to change. */
export async function listen(server: FastifyInstance, options: ListenOptions): Promise<Listening> {
  const { host, port, access, variables } = options;
  access?.requireMayListen(host, variables.host);
  try {
    await server.listen({ host, port });
  } catch (error) {
    throw explain(error, options);
  }
  const [address] = server.addresses();
  const actual = typeof address === 'object' ? address.port : port;
  return { url: `http://${reachable(host)}:${actual}`, port: actual };
}

/** An address that means "all of them" is none that a client can use. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function explain(error: unknown, { host, port, variables }: ListenOptions): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return invalid(
        `Port ${port} on ${host} is taken by another program. Stop it, or set ${variables.port} to another port (0: any free one).`,
        error,
      );
    case 'EACCES':
      return invalid(`This user may not listen on port ${port}. Set ${variables.port} to a port above 1023.`, error);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return invalid(
        `'${host}' is no address of this machine. Set ${variables.host} to one, such as 127.0.0.1.`,
        error,
      );
  }
  return error;
}

function invalid(message: string, cause: unknown): EngineError {
  return new EngineError('invalid_config', message, { cause });
}
