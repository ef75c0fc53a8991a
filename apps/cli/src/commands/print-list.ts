import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../output/terminal.ts';

interface Listed<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}

interface PrintOptions<Item> {
  readonly terminal: Terminal;
  readonly json: boolean;
  /** What is said when there are none. */
  readonly none: string;
  readonly table: (items: readonly Item[], paint: Terminal['paint'], now: number) => readonly string[];
}

/** A list as a table, with how to see more of it; or as JSON, like a page of the API. */
export function printList<Item extends { readonly id: string }>(
  { items, hasMore }: Listed<Item>,
  { terminal, json, none, table }: PrintOptions<Item>,
): ExitCode {
  if (json) {
    terminal.json({ data: items, has_more: hasMore });
    return EXIT.ok;
  }
  if (items.length === 0) terminal.note(none);
  else terminal.print(...table(items, terminal.paint, Date.now()));
  const last = items.at(-1);
  if (hasMore && last !== undefined) {
    terminal.note(terminal.paintNote.dim(`There are more: --after ${last.id}, or a larger --limit.`));
  }
  return EXIT.ok;
}
