/** Puts back the first piece of a source, which was taken from it to see whether there is any. */
export async function* startingWith<Piece>(first: Piece, rest: AsyncIterable<Piece>): AsyncGenerator<Piece> {
  yield first;
  yield* rest;
}
