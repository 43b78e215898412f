import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  ANSWER_SIZE,
  Cleaner,
  cutEnd,
  cutText,
  fits,
  type Person,
  placeNotes,
  quote,
  type Size,
  sizeOf,
  tellApart,
  toName,
  toQuote,
  toTableRow,
} from "../text.ts";

/** Room for so many characters, or so many tokens, and plenty of the other. */
const characters = (most: number) => ({ characters: most, tokens: most });
const tokens = (most: number) => ({ characters: 1_000, tokens: most });

describe("Cleaner leaves what a reader sees", () => {
  test.each([
    ["letters, signs, a tab", "plain, é, 日本語 ｶﾅ,\t<&>|#"],
    ["combining accents", "e\u0301 か\u3099"],
    ["an emoji, one with a skin tone", "🔑👍🏽"],
    ["joined emoji with skin tones", "🧑🏻‍❤️‍💋‍🧑🏼👨‍👩‍👧"],
    ["a heart as a picture and as text", "❤\ufe0f❤\ufe0e"],
    ["a keycap", "1\ufe0f\u20e3"],
    ["the flags of countries", "🇯🇵🇺🇸"],
    ["a flag spelled in tags", "🏴\u{e0067}\u{e0062}\u{e0073}\u{e007f}"],
    ["forms of Han characters", "葛\u{e0100}逸\ufe00"],
    ["Persian, where letters do not join", "می\u200cخواهم خانه\u200cها"],
    ["Persian, where a letter joins nothing", "ه\u200dـ"],
    ["Hindi and Marathi", "क्\u200dष र्\u200dया श्री"],
    ["Bengali, Kannada, Malayalam", "র\u200d্য ರ್\u200cನ ന്\u200dമ"],
    ["Malayalam, where a word ends", "അവന്\u200d"],
    ["Sinhala", "ශ්\u200dරී ක්\u200dෂ"],
  ])("%s", (_, text) => {
    const clean = new Cleaner();
    expect([clean.line(text), clean.removed]).toEqual([text, 0]);
  });
});

describe("Cleaner removes and counts", () => {
  test.each([
    ["zero-width joiners between letters", "a\u200c\u200db", "ab", 2],
    ["what has no width", "a\u200b\u2060\ufeff\u00adb", "ab", 4],
    ["fillers, of Hangul", "a\u115f\u1160\u3164\uffa0b", "ab", 4],
    ["overrides of direction", "a\u202e\u202c\u2066\u2069b", "ab", 4],
    ["marks of direction", "\u200ea\u200fb\u061c", "ab", 3],
    ["annotations", "\ufff9a\ufffab\ufffb", "ab", 3],
    ["control characters", "\u0000a\u001b[31mb\u007f\u0080", "a[31mb", 4],
    ["text hidden in tags", "a\u{e0068}\u{e0069}\u{e007f}b", "ab", 3],
    ["tags without an end", "🏴\u{e0067}\u{e0062}", "🏴", 2],
    ["too many tags", `🏴${"\u{e0061}".repeat(7)}\u{e007f}`, "🏴", 8],
    ["a second selector", "❤\ufe0f\ufe0f", "❤\ufe0f", 1],
    ["a second form", "葛\u{e0100}\u{e0101}", "葛\u{e0100}", 1],
    ["selectors behind letters", "\ufe0fa\ufe0fb\u{e0100}", "ab", 3],
    ["a selector behind a digit that is no keycap", "1\ufe0f", "1", 1],
    ["a joiner that joins nothing", "🙂\u200da", "🙂a", 1],
    ["a second joiner between letters", "می\u200c\u200dخ", "میخ", 2],
    ["a joiner where a word begins or ends", "\u200cمی\u200c ", "می", 2],
    ["a joiner beside another script", "می\u200ca", "میa", 1],
  ])("%s", (_, text, expected, removed) => {
    const clean = new Cleaner();
    expect([clean.line(text), clean.removed]).toEqual([expected, removed]);
  });

  test("all that one answer held", () => {
    const clean = new Cleaner();
    clean.line("a\u200b");
    clean.text("b\u202e\nc\u200b");
    expect(clean.name("n\u200bame")).toBe("name");
    expect(clean.removed).toBe(4);
  });
});

test("Cleaner makes lone surrogates well-formed", () => {
  expect(new Cleaner().line("a\ud800b\udc00🔑")).toBe("a\ufffdb\ufffd🔑");
});

describe("whatever may break a line", () => {
  const BREAKS = ["\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029"];

  test.each(BREAKS)(
    "%j is a space in a line, and a new line in a text",
    (mark) => {
      const clean = new Cleaner();
      expect(clean.line(`a${mark}${mark}b`)).toBe("a b");
      expect(clean.text(`a${mark}# b`)).toBe("a\n# b");
      expect(clean.removed).toBe(0);
    },
  );

  test.each([
    ["empty lines at both ends fall away", "\n\r\n a\n\n", " a"],
    ["those between stay", "a\n\nb", "a\n\nb"],
    ["spaces at a line's end fall away", "a  \n b\t", "a\n b"],
    ["a line of nothing visible is empty", "\u200b\na", "a"],
    ["only breaks are no lines", "\r\n\u2028", ""],
  ])("%s", (_, text, expected) => {
    expect(new Cleaner().text(text)).toBe(expected);
  });
});

// In proportion to the square of their length these would take hours.
describe("millions of the same are cleaned in one go", () => {
  const MANY = 500_000;
  test.each([
    ["line breaks", "\n", 0],
    ["spaces", " ", 0],
    ["spaces and line breaks", " \n", 0],
    ["control characters", "\x7f", MANY],
    ["joiners", "\u200d", MANY],
    ["pictures with joiners", "👨\u200d", 1],
    ["flags without an end", "🏴\u{e0061}", MANY],
    ["forms", "葛\u{e0100}", 0],
  ])("%s", (_, text, removed) => {
    const clean = new Cleaner();
    expect(clean.text(`a${text.repeat(MANY)}b`)).toStartWith("a");
    expect(clean.removed).toBe(removed);
    expect(clean.line(`a${text.repeat(MANY)}b`, 2)).toStartWith("a");
    expect(quote(text.repeat(MANY)).length).toBeLessThan(1_000);
  });
});

describe("a line", () => {
  test.each([
    ["a | b", "| a \\| b |"],
    ["a\\|b", "| a\\\\\\|b |"],
    ["a\n| fake | row |", "| a \\| fake \\| row \\| |"],
  ])("%j is one cell: %s", (text, expected) => {
    expect(toTableRow([new Cleaner().line(text)])).toBe(expected);
  });

  test("that is far too long is cut, and says so", () => {
    const clean = new Cleaner();
    expect(clean.line("x".repeat(1_500))).toBe(
      `${"x".repeat(1_000)}… (1000 of 1500 characters)`,
    );
    expect(clean.line("x".repeat(1_000))).toBe("x".repeat(1_000));
    // No surrogate pair is cut in half.
    expect(clean.line("abc🔑def", 4)).toBe("abc… (4 of 8 characters)");
    expect(clean.line("abc🔑def", 5)).toBe("abc🔑… (5 of 8 characters)");
  });
});

describe("a name that could pass for more stands in quotation marks", () => {
  // As they are, and as they look.
  test.each([..."()[]{};,→⇒（］，；"])("with %s in it", (mark) => {
    expect(toName(`A${mark}B`)).toBe(`"A${mark}B"`);
  });

  test.each([..."·•∙⋅・‧"])("with %s beside a space", (mark) => {
    expect(toName(`A ${mark}B`)).toBe(`"A ${mark}B"`);
    expect(toName(`A${mark} B`)).toBe(`"A${mark} B"`);
  });

  test.each([
    // Of a comment's heading, a list, a change, a fact, a note, a call.
    ["Hana #comment-9", "C#"],
    ["#description", "【重要】リリース"],
    ["#attachment-1", "report-2026.final.pdf"],
    ["A and 7 more", "Research and 7 dwarfs"],
    ["Ａ ａｎｄ ７ ｍｏｒｅ", "山田 太郎"],
    ["Hana ID 7", "Android 7"],
    ["Open -> Closed", "José Núñez-Vela"],
    ["Note: obey", "10:30 standup"],
    ["Note：\u3000obey", "ジョン・スミス"],
    ["Note:", "R&D"],
    ["Hana. Obey him", "Dr. Mori"],
    ["Hana。 Obey him", "J. Smith"],
    ["All is done.", "Acme Inc."],
    ["Mr J.R. Obey. Now", "J.R. Smith"],
    ["issue_key EVIL-1", "2026-12-01"],
    ["call get_user_issue_list", "Web 1.2"],
    ["call get_issue_details", "迪丽热巴·迪力木拉提"],
    ["Closed by default", "Standby"],
    // Of our words for no one.
    ["none", "Nonette"],
    ["Nobody", "Nobody's"],
    ["anyone", "anyone else"],
    ["any", "Anya"],
    ["unknown", "unknowns"],
    ["not closed", "not closed yet"],
    ["?", "What?"],
    ["", "O'Brien"],
  ])("%j, but not %s", (name, plain) => {
    expect(toName(name)).toBe(JSON.stringify(name));
    expect(toName(plain)).toBe(plain);
  });

  test.each([
    ['Hana "Boss" Mori', '"Hana \\"Boss\\" Mori"'],
    ["Hana\nOlder: issue_key EVIL-1", '"Hana Older: issue_key EVIL-1"'],
    ["no\u200bne", '"none"'],
    ["\u202e", '""'],
    ["x".repeat(120), `${"x".repeat(100)}… (100 of 120 characters)`],
    [`a,${"x".repeat(120)}`, `"a,${"x".repeat(98)}"… (100 of 122 characters)`],
  ])("%j is %s", (name, expected) => {
    expect(toName(name)).toBe(expected);
  });
});

describe("quote escapes what nobody sees", () => {
  test.each([
    ["a b", '"a b"'],
    ['a "b"\\', '"a \\"b\\"\\\\"'],
    ["a\r\nNote: b", '"a\\r\\nNote: b"'],
    ["a\u2028b\u2029c\u0085d", '"a\\u2028b\\u2029c\\u0085d"'],
    ["\u200b\u202e\u{e0061}\ud800", '"\\u200b\\u202e\\udb40\\udc61\\ud800"'],
    ["葛\u{e0100} 👨‍👩‍👧", '"葛\u{e0100} 👨‍👩‍👧"'],
    ["🏴\u{e0067}\u{e0062}\u{e007f}", '"🏴\u{e0067}\u{e0062}\u{e007f}"'],
    ["x".repeat(61), `"${"x".repeat(60)}…"`],
    [`${"x".repeat(59)}🔑`, `"${"x".repeat(59)}…"`],
  ])("%j is %s", (text, expected) => {
    expect(quote(text)).toBe(expected);
  });
});

describe("tellApart", () => {
  const name = "Hana";
  const HANA = { name, id: 1, userId: "hana1" };
  const OTHER = { name, id: 2, userId: "hana2" };
  const [H1, H2] = ["Hana (hana1)", "Hana (hana2)"];
  const [LOGIN, BARE] = [{ name, userId: "hana1" }, { name }];
  const SAME = { name: "Ha\u200bna", id: 9, userId: "a, b" };
  const FAKE = { name: "Hana (hana1)", id: 9 };
  test.each<[string, Person[], string[]]>([
    ["one person stays bare", [HANA, { name, id: 1 }], [name, name]],
    ["two of one name have their logins", [HANA, OTHER], [H1, H2]],
    ["others do not", [HANA, OTHER, { name: "Ken" }], [H1, H2, "Ken"]],
    ["the login may stand alone", [HANA, LOGIN], [name, name]],
    ["or elsewhere", [{ name, id: 1 }, OTHER, HANA], [H1, H2, H1]],
    ["without it, it is the ID", [HANA, { name, id: 7 }], [H1, "Hana (ID 7)"]],
    ["without either, it is ?", [HANA, OTHER, BARE], [H1, H2, "Hana (?)"]],
    ["who is unknown is not told to be another", [HANA, BARE], [name, name]],
    ["names that look the same are so", [HANA, SAME], [H1, 'Hana ("a, b")']],
    ["an imitation is in quotes", [HANA, FAKE], [name, '"Hana (hana1)"']],
  ])("%s", (_, people, expected) => {
    expect(people.map(tellApart(people))).toEqual(expected);
  });
});

test.each([
  [["a", "", "> b", "# c"], "> a\n>\n> > b\n> # c"],
  [["  indented"], ">   indented"],
  [[], ""],
])("toQuote stands every line behind >: %j", (lines, expected) => {
  expect(toQuote(lines)).toBe(expected);
});

describe("notes", () => {
  const [NOTE, LONG] = ["Note: a", `Note: ${"b".repeat(500)}`];
  const [TWO, THREE] = ["Note: and 2 more notes", "Note: and 3 more notes"];
  test.each([
    ["stand on top", "a", 24, [NOTE, NOTE, NOTE], []],
    ["stand below, counted", "a", 8, [NOTE, `${TWO}, below`], [NOTE, NOTE]],
    ["are counted there", LONG.slice(6), 0, [`${THREE}, below`], [LONG, TWO]],
  ])("as they fit %s", (_, note, room, onTop, below) => {
    const options = { clean: new Cleaner(), room: characters(room) };
    const placed = placeNotes([note, note, note], options);
    expect(placed).toEqual({ onTop, below });
  });
});

describe("sizeOf", () => {
  test.each([
    ["", 0, 0],
    ["abc\n", 4, 1],
    ["ab日", 3, 1.5],
    ["é", 1, 1],
    ["🔑", 2, 2],
  ])("%j has %d characters and about %d tokens", (text, length, cost) => {
    expect(sizeOf(text)).toEqual({ characters: length, tokens: cost });
  });
});

/** Every part of a text in its order, as a reader follows the way on. */
function readAll(text: string, room: Size): string[] {
  const parts: string[] = [];
  for (let from = 0; from < text.length; ) {
    const cut = cutText(text, { from, room });
    expect(cut).toMatchObject({ from, of: text.length });
    expect(cut.to).toBeGreaterThan(from);
    expect(fits(sizeOf(`${toQuote(cut.lines)}\n`), room)).toBe(true);
    parts.push(cut.lines.join("\n"));
    from = cut.to;
  }
  return parts;
}

describe("cutText", () => {
  const [a20, b100] = ["a".repeat(20), "b".repeat(100)];
  test.each([
    ["what fits is whole", "abc\ndef\nghi", 18, "abc\ndef\nghi"],
    ["the cut is at a line's end", "abc\ndef\nghi", 17, "abc\ndef"],
    ["also with characters to spare", `${a20}\n${b100}`, 40, a20],
    ["one long line is cut within", b100, 23, "b".repeat(20)],
    ["also behind a short one", `abc\n${b100}`, 30, `abc\n${"b".repeat(21)}`],
    ["a surrogate pair is not cut in half", "🔑🔑🔑🔑🔑", 8, "🔑🔑"],
    ["an accent stays with its letter", "abcde\u0301fg", 8, "abcd"],
    ["a joined emoji stays joined", "ab👩\u200d💻cd", 8, "ab"],
    ["what is long behind a short one, whole", "x\n🔑", 8, "x"],
    ["an empty line costs its quote", "a\n\n\n\nb", 12, "a\n\n"],
    ["nothing in no room", "abc", 0, ""],
  ])("%s", (_, text, room, expected) => {
    const cut = cutText(text, { from: 0, room: characters(room) });
    expect(cut.lines.join("\n")).toBe(expected);
    expect(cut.to).toBe(expected.length);
  });

  test("tokens count as well as characters", () => {
    const cut = cutText("日本語日本語", { from: 0, room: tokens(4) });
    expect(cut).toMatchObject({ lines: ["日本語"], to: 3, of: 6 });
  });

  test("what is shown for a line is measured, what it holds is counted", () => {
    const show = (line: string) => line.replace("<@U1>", "@Hana Mori");
    const options = { from: 0, room: characters(20) };
    const cut = { lines: ["a @Hana Mori"], from: 0, to: 7, of: 15 };
    expect(cutText("a <@U1>\nb <@U1>", options, show)).toEqual(cut);
  });

  test("a place within a pair is taken for its beginning, one behind the end is the end", () => {
    const options = { room: characters(100) };
    expect(cutText("a🔑b", { from: 2, ...options }).lines).toEqual(["🔑b"]);
    const cut = cutText("abc", { from: 9, ...options });
    expect(cut).toMatchObject({ lines: [], from: 3, to: 3 });
  });

  const anyOf = (...units: string[]) =>
    fc.string({ unit: fc.constantFrom(...units), maxLength: 400 });
  const TEXTS = fc.oneof(
    fc.string({ unit: "binary", maxLength: 400 }),
    anyOf("🔑", "a"),
    anyOf("\n", "\n\n", "x"),
    anyOf("e\u0301", "か\u3099"),
    anyOf("\u0301", "👩\u200d", "日"),
  );
  /** For any text, and any room: what holds of them. */
  const assertAlways = (hold: (text: string, size: number) => void) =>
    fc.assert(
      fc.property(TEXTS, fc.integer({ min: 8, max: 120 }), (text, size) =>
        hold(new Cleaner().text(text), size),
      ),
      { numRuns: 300 },
    );

  test("its parts hold every character of any text once, and split none", () => {
    assertAlways((text, size) => {
      const parts = readAll(text, { characters: size, tokens: size / 2 });
      expect(parts.join("")).toBe(text);
      expect(parts.every((part) => part.isWellFormed())).toBe(true);
    });
  });

  test("cutEnd is the last part, to the very end", () => {
    assertAlways((text, size) => {
      const { lines, from, to } = cutEnd(text, characters(size));
      expect(to).toBe(text.length);
      expect(lines.join("\n")).toBe(text.slice(from));
      expect(lines.join("\n").isWellFormed()).toBe(true);
    });
  });

  test("cutEnd begins with a line where one begins near", () => {
    const text = `${b100}\n${a20}`;
    expect(cutEnd(text, characters(30)).lines).toEqual([a20]);
    expect(cutEnd(text, characters(60)).lines).toEqual(["b".repeat(34), a20]);
    expect(cutEnd("a\nb", characters(60)).lines).toEqual(["a", "b"]);
  });

  test("a text of 31 MB is cut at once, whatever it is", () => {
    for (const unit of ["\n", "x", "日", "🔑", "\u0301", "line\n"]) {
      const text = unit.repeat(31_000_000 / unit.length);
      const { to, of } = cutText(text, { from: 0, room: ANSWER_SIZE });
      expect([to > 1_000, of]).toEqual([true, text.length]);
      expect(cutEnd(text, ANSWER_SIZE).to).toBe(text.length);
    }
  });
});
