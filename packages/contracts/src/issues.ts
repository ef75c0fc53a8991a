import type { z } from 'zod';

/** The first schema issue as a sentence and as the path of the field at fault: `messages[0].role`. */
export function describeIssue(error: z.ZodError): { readonly message: string; readonly param: string | null } {
  const issue = error.issues[0];
  if (issue === undefined) return { message: 'The value is invalid.', param: null };
  const param = formatPath(issue.path);
  const rest = error.issues.length - 1;
  const more = rest > 0 ? ` (and ${rest} more ${rest === 1 ? 'problem' : 'problems'})` : '';
  return { message: param === null ? `${issue.message}${more}` : `'${param}': ${issue.message}${more}`, param };
}

function formatPath(path: readonly PropertyKey[]): string | null {
  if (path.length === 0) return null;
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? String(key) : `${text}.${String(key)}`;
  }, '');
}
