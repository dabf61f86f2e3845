/** For `JSON.parse` of what others sent: text that no database takes (NUL, halves of surrogate pairs) is no JSON to us. */
export function onlyPlainText(key: string, value: unknown): unknown {
  if (!isPlain(key) || (typeof value === 'string' && !isPlain(value)))
    throw new SyntaxError('text with NUL or a lone surrogate');
  return value;
}

export const isPlain = (text: string): boolean => !text.includes('\0') && !/\p{Surrogate}/u.test(text);

/** JSON of others, out of UTF-8. Only an escape can bring in what {@link onlyPlainText} looks for, and looking is dear. */
export const parsePlain = (text: string): unknown =>
  text.includes('\\u') ? JSON.parse(text, onlyPlainText) : JSON.parse(text);
