/** What OpenAI's client calls a file that has no name. */
const NAMELESS = 'unknown_file';
const MAX_LENGTH = 255;

/** The name that a file is kept under: the last part of a path, without what no terminal or database takes. */
export function keptFilename(given: string): string {
  const [name = ''] = given.split(/[/\\]/).slice(-1);
  const clean = name
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '')
    .trim();
  if (clean === '' || clean === '.' || clean === '..') return NAMELESS;
  return clean.length <= MAX_LENGTH ? clean : shorten(clean);
}

/** Leaves the end, which says what kind of file it is. */
function shorten(name: string): string {
  const [ending = ''] = /\.\w{1,16}$/.exec(name) ?? [];
  return name.slice(0, MAX_LENGTH - ending.length).toWellFormed() + ending;
}

/** `Content-Disposition` of a download under that name, whatever letters it has. */
export function attachment(filename: string): string {
  const plain = filename.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(filename).replaceAll(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
