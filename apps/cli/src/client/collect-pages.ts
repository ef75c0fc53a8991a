interface Page<Item> {
  readonly data: readonly Item[];
  readonly has_more: boolean;
}

interface PageRequest {
  /** Id of the last item of the page before. */
  readonly after?: string;
  readonly limit: number;
}

interface Collected<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}

/** The most that every list of the API gives at once. */
const PAGE = 100;

/** Page after page until there are as many as asked for. */
export async function collectPages<Item extends { readonly id: string }>(
  list: (request: PageRequest) => Promise<Page<Item>>,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<Collected<Item>> {
  const items: Item[] = [];
  let cursor = after;
  for (;;) {
    const page = await list({
      limit: Math.min(PAGE, limit - items.length),
      ...(cursor !== undefined && { after: cursor }),
    });
    items.push(...page.data);
    const last = page.data.at(-1);
    if (!page.has_more || last === undefined || items.length >= limit) return { items, hasMore: page.has_more };
    cursor = last.id;
  }
}
