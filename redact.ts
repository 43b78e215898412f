/** Shorter ones cannot be real keys, and would tear holes into every text. */
export const SHORTEST_KEY = 16;

/**
 * Takes keys out of texts, in any case: plain, URL-encoded once or twice, or as
 * JSON, JavaScript, HTML or Markdown may write them. In proportion to the text,
 * whatever it is and whatever was set as a key.
 */
export function toRedactor(keys: Iterable<string>): (text: string) => string {
  const secrets = [...new Set([...keys].flatMap(toSecrets))];
  // What is part of another one comes behind it.
  secrets.sort((a, b) => b.length - a.length);
  const plain = secrets.map((secret) => secret.toLowerCase());
  let pattern: RegExp | undefined;
  return (text) => {
    if (secrets.length === 0 || text.length < SHORTEST_KEY) return text;
    if (!ESCAPED.test(text)) {
      const lower = text.toLowerCase();
      if (!plain.some((secret) => lower.includes(secret))) return text;
    }
    // Takes milliseconds, and most runs of the program never need it.
    pattern ??= new RegExp(secrets.map(toWritings).join("|"), "gi");
    return text.replace(pattern, "[API key]");
  };
}

/** All that was set, and what could be a key in it, in pieces of a fair size. */
function toSecrets(set: string): string[] {
  return [set, ...(set.match(/[\w-]+/g) ?? [])].flatMap(
    (text) => text.match(/.{16,128}/gs) ?? [],
  );
}

// Cleaning takes these out of a text, and would join the parts of a key.
const BETWEEN = "[\\u00ad\\u200b-\\u200f\\u2060-\\u2064\\ufeff]*";
const ESCAPED =
  /[%&]|\\[ux0-7_-]|[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\uff0d-\uff5a]/;
const toUrl = (hex: string) => `%(?:25){0,3}${hex}`;
const BACKSLASHES = `(?:\\\\|${toUrl("5c")}){1,8}`;
const ENTITY = `(?:&(?:amp;){0,3}|${toUrl("26")})`;
const NUMBER = `(?:#|${toUrl("23")})`;
const END = `(?:;|${toUrl("3b")})?`;
function toWritings(secret: string): string {
  return [...secret].map(toWriting).join(BETWEEN);
}

/** Each repetition is bounded, and no two ways of reading begin alike. */
function toWriting(character: string): string {
  const plain = RegExp.escape(character);
  if (!/[\w-]/.test(character)) return plain;
  const codes = [character.toLowerCase(), character.toUpperCase()];
  const inBase = (base: number) =>
    codes.map((text) => text.charCodeAt(0).toString(base)).join("|");
  const hex = `(?:${inBase(16)})`;
  const fullWidth = String.fromCharCode(character.charCodeAt(0) + 0xfee0);
  const script = [
    `u00${hex}`,
    `x${hex}`,
    `u\\{0{0,6}${hex}\\}`,
    `0?(?:${inBase(8)})`,
    // As Markdown writes these two.
    ...(/[_-]/.test(character) ? [plain] : []),
  ];
  return `(?:${[
    `[${plain}${fullWidth}]`,
    toUrl(hex),
    `${BACKSLASHES}(?:${script.join("|")})`,
    `${ENTITY}${NUMBER}(?:0{0,6}(?:${inBase(10)})|x0{0,6}${hex})${END}`,
  ].join("|")})`;
}

/** A key may have been put under a wrong name, or into the wrong place. */
export function listSecrets(
  variables: Record<string, string | undefined>,
): string[] {
  return Object.entries(variables).flatMap(([name, value = ""]) => {
    if (!/^(?:BACKLOG|USER_ID$)/i.test(name)) return [];
    if (/KEY|TOKEN/i.test(name)) return [value.trim()];
    // The name of a space may be as long.
    return listLikeKeys(value.replace(SPACE, ""));
  });
}

const SPACE = /[a-z0-9.-]+\.backlog(?:tool)?\.(?:com|jp)/i;

/** What looks like a key, in a text where none belongs. */
export function listLikeKeys(text: string): string[] {
  return text.normalize("NFKC").match(/[a-z0-9]{32,}/gi) ?? [];
}
