// Finds the import and export statements of a TypeScript source without a parser of the whole language.
//
// The source is cut into tokens (comments dropped, strings kept), and the few shapes an import can have are looked for
// among them. That is exact where it matters: a word "import" in a comment, a string or a template is not an import.

const PUNCTUATION_BEFORE_REGEX = new Set("(,=:[!&|?{};+-*%<>~^".split(""));
const WORDS_BEFORE_REGEX = new Set(["return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "else"]);
const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$]*/uy;
const NUMBER = /\d[\w.]*/y;

/**
 * Cuts a source into tokens.
 *
 * @param {string} source
 * @returns {{ kind: "word" | "string" | "template" | "regex" | "number" | "mark", text: string, line: number }[]}
 *   Strings come without their quotes. The expressions inside a template are tokens too, after the template's own.
 */
export function tokenize(source) {
  const tokens = [];
  let at = 0;
  let line = 1;
  // Depth of braces inside each open `${`, innermost last: says which `}` goes on with a template.
  const templates = [];

  const push = (kind, text) => tokens.push({ kind, text, line });
  const skipTo = (end) => {
    for (; at < end; at += 1) if (source[at] === "\n") line += 1;
  };
  const readTemplate = () => {
    const start = at;
    let end = at;
    while (end < source.length && source[end] !== "`" && !(source[end] === "$" && source[end + 1] === "{")) {
      end += source[end] === "\\" ? 2 : 1;
    }
    push("template", source.slice(start, end));
    const opensExpression = source[end] === "$";
    skipTo(end + (opensExpression ? 2 : 1));
    if (opensExpression) templates.push(0);
  };

  while (at < source.length) {
    const char = source[at];
    if (/\s/.test(char)) skipTo(at + 1);
    else if (source.startsWith("//", at)) skipTo(endOf(source, source.indexOf("\n", at)));
    else if (source.startsWith("/*", at)) skipTo(endOf(source, source.indexOf("*/", at), 2));
    else if (char === '"' || char === "'") {
      const end = endOfQuoted(source, at);
      push("string", source.slice(at + 1, end));
      skipTo(end + 1);
    } else if (char === "`") {
      at += 1;
      readTemplate();
    } else if (char === "}" && templates.at(-1) === 0) {
      templates.pop();
      at += 1;
      readTemplate();
    } else if (char === "/" && regexMayStart(tokens.at(-1))) {
      const end = endOfRegex(source, at);
      push("regex", source.slice(at, end));
      skipTo(end);
    } else {
      const kind = kindAt(source, at);
      const text = kind === "mark" ? char : matchAt(kind === "word" ? WORD : NUMBER, source, at);
      if (templates.length > 0 && char === "{") templates[templates.length - 1] += 1;
      if (templates.length > 0 && char === "}") templates[templates.length - 1] -= 1;
      push(kind, text);
      at += text.length;
    }
  }
  return tokens;
}

/**
 * Lists what a source imports, in order.
 *
 * @param {string} source
 * @returns {{ specifier: string, line: number, isReExport: boolean, names: string[] | undefined }[]}
 *   `names` are the imported names as the other file calls them; undefined: everything (`* as`, `export *`, a bare
 *   import for its effects, `import()`).
 */
export function readImports(source) {
  const tokens = tokenize(source);
  const found = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token.kind !== "word" || isMember(tokens, at)) continue;
    if (token.text === "import") {
      const next = tokens[at + 1];
      if (next?.kind === "string") found.push(statement(next, undefined, false));
      else if (next?.text === "(" && tokens[at + 2]?.kind === "string") {
        found.push(statement(tokens[at + 2], undefined, false));
      } else if (next?.text !== "." && next?.text !== "(") {
        const from = findFrom(tokens, at + 1);
        if (from) found.push(statement(from.specifier, namesOf(tokens.slice(at + 1, from.at)), false));
      }
    } else if (token.text === "export" && isReExport(tokens, at)) {
      const from = findFrom(tokens, at + 1);
      if (from) found.push(statement(from.specifier, namesOf(tokens.slice(at + 1, from.at)), true));
    }
  }
  return found;
}

/**
 * Lists the names that a source declares and exports (`export const x`, `export type T`, …).
 *
 * @param {string} source
 * @returns {string[]}
 */
export function readExportedNames(source) {
  const tokens = tokenize(source);
  const declares = new Set(["const", "let", "function", "class", "interface", "type", "enum"]);
  const modifiers = new Set(["abstract", "async", "declare"]);
  const names = [];
  for (let at = 0; at < tokens.length; at += 1) {
    if (tokens[at].kind !== "word" || tokens[at].text !== "export") continue;
    let next = at + 1;
    while (modifiers.has(tokens[next]?.text)) next += 1;
    if (!declares.has(tokens[next]?.text)) continue;
    const name = tokens[next + (tokens[next + 1]?.text === "*" ? 2 : 1)];
    if (name?.kind === "word") names.push(name.text);
  }
  return names;
}

function statement(specifier, names, isReExport) {
  return { specifier: specifier.text, line: specifier.line, isReExport, names };
}

/** The string after the next `from` of this statement. */
function findFrom(tokens, start) {
  for (let at = start; at < tokens.length && tokens[at].text !== ";"; at += 1) {
    if (tokens[at].text === "from" && tokens[at + 1]?.kind === "string") return { at, specifier: tokens[at + 1] };
  }
  return undefined;
}

/** `export { … } from`, `export * from`, and the same with `type`; not a declaration, nor `export { … };`. */
function isReExport(tokens, at) {
  const next = tokens[at + 1]?.text === "type" ? at + 2 : at + 1;
  if (tokens[next]?.text === "*") return true;
  if (tokens[next]?.text !== "{") return false;
  const close = tokens.findIndex((token, index) => index > next && token.text === "}");
  return tokens[close + 1]?.text === "from" && tokens[close + 2]?.kind === "string";
}

/** `object.import` or `{ import: … }` is a name, not a statement. */
function isMember(tokens, at) {
  return tokens[at - 1]?.text === "." || tokens[at + 1]?.text === ":";
}

function namesOf(clause) {
  if (clause.some((token) => token.text === "*")) return undefined;
  const open = clause.findIndex((token) => token.text === "{");
  const names = clause[0]?.kind === "word" && clause[0].text !== "type" ? ["default"] : [];
  let previous;
  for (const token of open === -1 ? [] : clause.slice(open + 1)) {
    if (token.text === "," || token.text === "}") previous = undefined;
    else if (token.text === "as") previous = "as";
    else if (previous === "as") previous = "renamed";
    else if (previous === "type") names[names.length - 1] = token.text;
    else {
      names.push(token.text);
      previous = token.text === "type" ? "type" : "name";
    }
  }
  return names;
}

function kindAt(source, at) {
  if (matchAt(WORD, source, at)) return "word";
  return matchAt(NUMBER, source, at) ? "number" : "mark";
}

function matchAt(pattern, source, at) {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

/** The index after what was found at `found`, or the end of the source where it was not found. */
function endOf(source, found, length = 0) {
  return found === -1 ? source.length : found + length;
}

function endOfQuoted(source, start) {
  let at = start + 1;
  while (at < source.length && source[at] !== source[start] && source[at] !== "\n") at += source[at] === "\\" ? 2 : 1;
  return at;
}

function endOfRegex(source, start) {
  let at = start + 1;
  let isInClass = false;
  while (at < source.length && source[at] !== "\n" && (isInClass || source[at] !== "/")) {
    if (source[at] === "[") isInClass = true;
    if (source[at] === "]") isInClass = false;
    at += source[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}

function regexMayStart(previous) {
  if (previous === undefined) return true;
  if (previous.kind === "word") return WORDS_BEFORE_REGEX.has(previous.text);
  return previous.kind === "mark" && PUNCTUATION_BEFORE_REGEX.has(previous.text);
}
