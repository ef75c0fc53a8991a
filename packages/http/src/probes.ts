import type { FastifyInstance } from 'fastify';

export interface ProbeResult {
  readonly ok: boolean;
  /** In words, why not; or what else is amiss, which others than the prober should look at. */
  readonly reason?: string;
}

type Check = () => ProbeResult | Promise<ProbeResult>;

export interface ProbeChecks {
  /** Whether the process should go on living. Asks nobody else: a restart mends only the process itself. */
  readonly livez: Check;
  /** Whether requests should be sent here now. */
  readonly readyz: Check;
  /** Whether the start is over. */
  readonly startupz: Check;
}

/** `GET /livez`, `/readyz`, `/startupz`, as Kubernetes asks for them: 200 or 503, without a key. */
export function addProbes(server: FastifyInstance, checks: ProbeChecks): void {
  for (const [name, check] of Object.entries(checks) as [keyof ProbeChecks, Check][]) {
    server.get(`/${name}`, { config: { public: true } }, async (_request, reply) => {
      const { ok, reason } = await check();
      void reply.code(ok ? 200 : 503).header('cache-control', 'no-store');
      return { status: ok ? 'ok' : 'unavailable', ...(reason !== undefined && { reason }) };
    });
  }
}
