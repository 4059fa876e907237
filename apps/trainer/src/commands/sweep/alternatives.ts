/**
 * The values in a word: commas separate them, save those with a backslash before them, and, in JSON, those inside braces, brackets and
 * quotation marks.
 */
export function splitAlternatives(word: string, isJson = false): string[] {
  const values: string[] = [];
  let [current, depth, isQuoted] = ['', 0, false];
  for (let i = 0; i < word.length; i++) {
    const letter = word[i] as string;
    const isInside = isQuoted || depth > 0;
    if (letter === '\\' && (isInside || word[i + 1] === ',')) {
      current += isInside ? letter + (word[i + 1] ?? '') : ',';
      i++;
    } else if (letter === ',' && !isInside) {
      values.push(current);
      current = '';
    } else {
      current += letter;
      if (isJson && letter === '"') isQuoted = !isQuoted;
      else if (isJson && !isQuoted) depth += '{['.includes(letter) ? 1 : '}]'.includes(letter) ? -1 : 0;
    }
  }
  return [...values, current];
}
