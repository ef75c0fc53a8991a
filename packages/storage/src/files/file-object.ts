/** The object that holds the bytes of a file. */
export function fileObject(fileId: string): string {
  return `files/${fileId}`;
}
