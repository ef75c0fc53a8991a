import type { DecreaseReason } from '@llm-engine/contracts';
import { z } from 'zod';
import { limitState } from './limit-state.ts';
import type { LimitState, Observations } from './limit-state.ts';
import { adapt, initialLimit } from './limit.ts';

/** A process as it last told of itself. */
const member = z.object({
  /** Unix milliseconds. */
  at: z.number(),
  /** Requests that it would have there if it could, those that it has included. */
  wanted: z.number(),
  /** Requests that it may have there, interactive ones beyond it apart. */
  share: z.number(),
  /** Requests that it has there: more than its share where that has become less. */
  inUse: z.number(),
});
type Member = Readonly<z.infer<typeof member>>;

/** What the processes that use a server know together, as one JSON document. */
const sharedLimit = z.object({ state: limitState, members: z.record(z.string(), member) });
export interface SharedLimit {
  readonly state: LimitState;
  readonly members: Readonly<Record<string, Member>>;
}

/** Undefined for what is no such document, or one of another version: then what it knew is found out again. */
export function readSharedLimit(document: unknown): SharedLimit | undefined {
  return sharedLimit.safeParse(document).data;
}

export interface Report {
  readonly member: string;
  readonly bound: number;
  readonly wanted: number;
  readonly inUse: number;
  readonly seen: Observations;
}

/** A process that has not told of itself for this long is gone, and its share is free. */
const MEMBER_GONE_MS = 3_000;
/** How long after an interactive request a slot is kept free for the next one. */
const RESERVE_MS = 10_000;
/** From this limit on: of fewer slots one would be too large a part. */
const RESERVE_FROM = 4;

/** Adapts the limit to what a process has seen, and gives it its share of it. */
export function shareLimit(
  before: SharedLimit | undefined,
  { member, bound, wanted, inUse, seen }: Report,
  now: number,
): { readonly shared: SharedLimit; readonly decreased?: DecreaseReason } {
  const { state, ...rest } = adapt(before?.state ?? initialLimit(bound, now), seen, { bound, now });
  const others = Object.entries(before?.members ?? {}).filter(
    ([id, { at }]) => id !== member && now - at < MEMBER_GONE_MS,
  );
  const members = new Map<string, Member>(others);
  members.set(member, { at: now, wanted, inUse, share: 0 });
  const total = Math.floor(state.limit) - reserve(state, now);
  const free = total - others.reduce((sum, [, held]) => sum + Math.max(held.share, held.inUse), 0);
  // What others still have comes to it when they have heard that it is less now, and have ended what is too much.
  const share = Math.max(0, Math.min(free, fairShare([...members], member, total, now)));
  members.set(member, { at: now, wanted, inUse, share });
  return { shared: { state, members: Object.fromEntries(members) }, ...rest };
}

/** Without the process that leaves. */
export function withoutMember({ state, members }: SharedLimit, member: string): SharedLimit {
  const { [member]: _left, ...others } = members;
  return { state, members: others };
}

/** Slots that are kept free of all but interactive requests: an arriving one finds its slot, and the next to end makes up for it. */
function reserve({ limit, interactiveAt }: Pick<LimitState, 'limit' | 'interactiveAt'>, now: number): number {
  return limit >= RESERVE_FROM && now - interactiveAt < RESERVE_MS ? 1 : 0;
}

/**
 * Max-min fair: nobody gets more than he wants while another wants more than he has; what nobody wants is spread evenly, so
 * that who comes to want it has some at once. Where there are more processes than slots, they take turns.
 */
function fairShare(
  members: readonly (readonly [string, Member])[],
  member: string,
  total: number,
  now: number,
): number {
  const turn = Math.floor(now / 1_000);
  const ids = members.map(([id]) => id).toSorted();
  const place = (id: string): number => (ids.indexOf(id) + turn) % ids.length;
  const inOrder = members.toSorted(([a, { wanted: x }], [b, { wanted: y }]) => x - y || place(b) - place(a));
  let left = total;
  let mine = 0;
  inOrder.forEach(([id, { wanted }], index) => {
    const given = Math.min(wanted, Math.floor(left / (inOrder.length - index)));
    left -= given;
    if (id === member) mine = given;
  });
  const extra = Math.floor(left / ids.length) + (place(member) < left % ids.length ? 1 : 0);
  return mine + extra;
}
