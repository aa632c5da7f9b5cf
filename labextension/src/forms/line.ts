/** What a line may not hold: line breaks, control characters, odd blanks, marks that reorder. */
const NOT_PLAIN = /(?! )[\p{Cc}\p{Cs}\p{Z}\p{Bidi_Control}\u206a-\u206f]/u;

/** Whether a text is one magic line of ours and is read as what it is. */
export function isPlainLine(line: string): boolean {
  return /^%exp\w*( |$)/.test(line) && !NOT_PLAIN.test(line);
}
