import type { Priority } from '@llm-engine/contracts';
import type { Endpoint } from './endpoint.ts';

interface Candidate {
  readonly limit: Pick<Endpoint['limit'], 'limit' | 'inUse' | 'hasRoom'>;
  readonly circuit: Pick<Endpoint['circuit'], 'state' | 'restsUntil'>;
}

/**
 * The endpoint to send a request to now; undefined when it should wait for a slot.
 * 1. One that is due a probe gets this request, since a failure only moves the request on.
 * 2. Else the least busy of those that answer.
 * 3. Where all of them rest, the one whose rest ends first: refusing without a try would use up attempts for nothing.
 */
export function chooseEndpoint<E extends Candidate>(candidates: readonly E[], priority: Priority): E | undefined {
  let closed = false;
  let leastBusy: E | undefined;
  let firstBack: E | undefined;
  for (const candidate of candidates) {
    const free = candidate.limit.hasRoom(priority);
    switch (candidate.circuit.state) {
      case 'probe-due':
        if (free) return candidate;
        break;
      case 'closed':
        closed = true;
        if (free && load(candidate) < load(leastBusy)) leastBusy = candidate;
        break;
      case 'resting':
        if (free && restsUntil(candidate) < restsUntil(firstBack)) firstBack = candidate;
        break;
    }
  }
  return closed ? leastBusy : firstBack;
}

/** Endpoints of different sizes fill up in proportion. */
function load(candidate: Candidate | undefined): number {
  return candidate === undefined ? Infinity : candidate.limit.inUse / candidate.limit.limit;
}

function restsUntil(candidate: Candidate | undefined): number {
  return candidate === undefined ? Infinity : candidate.circuit.restsUntil;
}
