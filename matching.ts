import { quote, toName } from "./text.ts";

const MOST_CHOICES = 30;

/** Something a word may mean. */
export interface Candidate {
  ids: number[];
  /** What it is called, the name to show first. */
  names: string[];
  /** What of its names means it as a whole word: a family or given name. */
  words?: string[];
  /** How a list of choices shows it, where the name alone is not enough. */
  label?: string;
}

export type Match =
  | { kind: "one"; candidate: Candidate }
  | { kind: "several"; candidates: Candidate[] }
  | { kind: "none" };

/** Without regard to case, width and the number of spaces. */
export function fold(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s\u3000]+/gu, " ")
    .trim();
}

const QUOTES: Record<string, string> = {
  '"': '"',
  "'": "'",
  "`": "`",
  "“": "”",
  "‘": "’",
  "「": "」",
  "『": "』",
  "＂": "＂",
  "＇": "＇",
};

/** Without the spaces and one pair of quotes around it. */
export function unquote(text: string): string {
  const trimmed = text.trim();
  const closing = QUOTES[trimmed[0] ?? ""];
  return trimmed.length >= 2 &&
    closing !== undefined &&
    trimmed.endsWith(closing)
    ? trimmed.slice(1, -1).trim()
    : trimmed;
}

/**
 * Exactly; else ignoring case and width; by a whole word; by unique beginning;
 * by its ID.
 */
export function match(word: string, candidates: readonly Candidate[]): Match {
  const exact = unquote(word);
  const folded = fold(exact);
  if (folded === "") return { kind: "none" };
  const by =
    (test: (name: string) => boolean) =>
    ({ names }: Candidate) =>
      names.some(test);
  const tests = [
    by((name) => name === word.trim() || name === exact),
    by((name) => fold(name) === folded),
    ({ words = [] }: Candidate) => words.some((name) => fold(name) === folded),
    by((name) => fold(name).startsWith(folded)),
    ({ ids }: Candidate) => ids.map(String).includes(folded),
  ];
  for (const test of tests) {
    const found = candidates.filter(test);
    const [only] = found;
    if (found.length > 1) return { kind: "several", candidates: found };
    if (only !== undefined) return { kind: "one", candidate: only };
  }
  return { kind: "none" };
}

/** Nearest to the word first; what is not near at all keeps its order. */
export function byNearness<Item>(
  word: string,
  items: readonly Item[],
  toNames: (item: Item) => readonly string[],
): Item[] {
  return items
    .map((item, index) => ({
      item,
      index,
      distance: Math.min(
        ...toNames(item).map((name) => toDistance(word, name)),
      ),
    }))
    .sort((a, b) =>
      a.distance === b.distance ? a.index - b.index : a.distance - b.distance,
    )
    .map(({ item }) => item);
}

/** The one that is nearest; undefined where none is near. */
export function nearest(
  word: string,
  names: readonly string[],
): string | undefined {
  return byNearness(word, names, (name) => [name]).find((name) =>
    Number.isFinite(toDistance(word, name)),
  );
}

/** Infinite where two names have hardly anything in common. */
export function toDistance(a: string, b: string): number {
  const [one, other] = [fold(a), fold(b)];
  if (one.includes(other) || other.includes(one)) return 0;
  const edits = editDistance(one, other);
  return edits <= Math.max(one.length, other.length) / 2
    ? edits
    : Number.POSITIVE_INFINITY;
}

/** Levenshtein's: insertions, deletions and replacements, of 60 characters. */
function editDistance(a: string, b: string): number {
  const from = [...a].slice(0, 60);
  const to = [...b].slice(0, 60);
  let previous = to.map((_, index) => index + 1);
  from.forEach((character, row) => {
    let diagonal = row;
    let left = row + 1;
    previous = to.map((other, column) => {
      const above = previous[column] ?? 0;
      left = Math.min(
        left + 1,
        above + 1,
        diagonal + (character === other ? 0 : 1),
      );
      diagonal = above;
      return left;
    });
  });
  return previous.at(-1) ?? from.length;
}

/** Whether two titles plainly are not the same one, however abridged. */
export function differsPlainly(a: string, b: string): boolean {
  const bare = (text: string) => fold(text).replace(/[^\p{L}\p{N}]/gu, "");
  const [one, other] = [bare(a), bare(b)];
  if (one === "" || other === "") return false;
  if (one.includes(other) || other.includes(one)) return false;
  const [first, second] = [toPairs(one), toPairs(other)];
  const common = [...first].filter((pair) => second.has(pair)).length;
  return (2 * common) / (first.size + second.size) < 0.5;
}

function toPairs(text: string): Set<string> {
  const characters = [...text];
  return new Set(
    characters.length < 2
      ? characters
      : characters.slice(1).map((next, index) => `${characters[index]}${next}`),
  );
}

/** A word that fits nothing, or too much; the model can mend it. */
export class WordProblem extends Error {}

/** How an error names what was looked for. */
export interface Wording {
  singular: string;
  plural: string;
  /** ` in WEB`. */
  scope: string;
  /** Where several fit. */
  advice?: string;
  /** Behind the choices: what is understood besides. */
  besides?: string;
}

/** One candidate a word. Throws a WordProblem that lists what there is. */
export function matchAll(
  words: readonly string[],
  candidates: readonly Candidate[],
  {
    singular,
    plural,
    scope,
    advice = "Give the whole name.",
    besides = "",
  }: Wording,
): Candidate[] {
  const problems: string[] = [];
  const label = ({ label, names: [name] }: Candidate) =>
    label ?? toName(name ?? "");
  const found = words.flatMap((word) => {
    const result = match(word, candidates);
    if (result.kind === "one") return [result.candidate];
    const near = byNearness(word, candidates, ({ names }) => names);
    problems.push(
      result.kind === "none"
        ? `No ${singular} ${quote(word)}${scope}. ${listLabels(plural, near.map(label))}${besides}`
        : `${quote(word)} is not one ${singular}${scope}, but ${result.candidates.length}. ${listLabels("It fits", result.candidates.map(label))} ${advice}`,
    );
    return [];
  });
  if (problems.length > 0) throw new WordProblem(problems.join("\n"));
  return found;
}

/** `Statuses: Open, Closed and 12 more.` */
export function listLabels(title: string, labels: readonly string[]): string {
  if (labels.length === 0) return `${title}: none.`;
  const shown = labels.slice(0, MOST_CHOICES);
  const more = labels.length - shown.length;
  return `${title}: ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
}
