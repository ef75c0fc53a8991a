/**
 * Where processes that use the same model servers agree on how much each may use: a small JSON document for each server,
 * which one of them changes at a time.
 */
export interface LimitExchange {
  /**
   * Changes the document of that name and resolves with what it became. `change` gets the document as it is, undefined
   * where there is none, and the common time in Unix milliseconds; it may be called again when another process was faster.
   */
  update(name: string, change: (document: unknown, now: number) => object): Promise<void>;
}
