import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  ANSWER_SIZE,
  Cleaner,
  cutEnd,
  cutText,
  fits,
  formatCut,
  quote,
  type Size,
  sizeOf,
  takeWhileFitting,
  tellApart,
  toName,
  toQuote,
  toTableRow,
} from "../text.ts";

/** How a line of other people's words stands in a cell of a table. */
function toCell(text: string): string {
  return toTableRow([new Cleaner().line(text)]).slice(2, -2);
}

/** Room for so many characters, or so many tokens, and plenty of the other. */
const characters = (most: number) => ({ characters: most, tokens: most });
const tokens = (most: number) => ({ characters: 1_000, tokens: most });

describe("Cleaner leaves what a reader sees", () => {
  test.each([
    ["letters and signs", "plain, é, 日本語 ｶﾅ, <&>|#"],
    ["combining accents", "e\u0301 か\u3099"],
    ["a tab", "a\tb"],
    ["an emoji", "🔑"],
    ["a skin tone", "👍🏽"],
    ["a family joined of three", "👨‍👩‍👧"],
    ["a joined emoji with skin tones", "🧑🏻‍❤️‍💋‍🧑🏼"],
    ["the rainbow flag", "🏳️‍🌈"],
    ["a heart with its selector", "❤\ufe0f"],
    ["a heart as text", "❤\ufe0e"],
    ["a keycap", "1\ufe0f\u20e3"],
    ["the flags of countries", "🇯🇵🇺🇸"],
    [
      "the flag of a region, spelled in tags",
      "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    ],
    ["the form of a Han character", "葛\u{e0100}"],
    ["an older form of a Han character", "逸\ufe00"],
    ["Persian, where letters do not join", "می\u200cخواهم خانه\u200cها"],
    ["Persian, where a letter joins nothing", "ه\u200dـ"],
    ["Hindi and Marathi", "क्\u200dष र्\u200dया श्री"],
    ["Bengali, Kannada, Malayalam", "র\u200d্য ರ್\u200cನ ന്\u200dമ"],
    ["Malayalam, where a word ends", "അവന്\u200d"],
    ["Sinhala", "ශ්\u200dරී ක්\u200dෂ"],
  ])("%s", (_, text) => {
    const clean = new Cleaner();
    expect(clean.line(text)).toBe(text);
    expect(clean.removed).toBe(0);
  });
});

describe("Cleaner removes and counts", () => {
  test.each([
    ["zero-width space", "a\u200bb", "ab", 1],
    ["zero-width joiners between letters", "a\u200c\u200db", "ab", 2],
    ["word joiner and byte order mark", "a\u2060b\ufeff", "ab", 2],
    ["soft hyphen", "a\u00adb", "ab", 1],
    ["Hangul fillers", "a\u115f\u1160\u3164\uffa0b", "ab", 4],
    ["a Mongolian separator", "a\u180eb", "ab", 1],
    ["the override of direction", "a\u202eb\u202c", "ab", 2],
    ["isolates", "\u2066a\u2069\u2067b\u2068", "ab", 4],
    ["marks of direction", "\u200ea\u200fb\u061c", "ab", 3],
    ["annotations", "\ufff9a\ufffab\ufffb", "ab", 3],
    ["control characters", "\u0000a\u0007\u001b[31mb\u007f", "a[31mb", 4],
    ["further control characters", "a\u0080\u009fb", "ab", 2],
    ["text hidden in tags", "a\u{e0068}\u{e0069}\u{e007f}b", "ab", 3],
    ["tags without an end", "🏴\u{e0067}\u{e0062}", "🏴", 2],
    [
      "tags that are too many for a region",
      `🏴${"\u{e0061}".repeat(7)}\u{e007f}`,
      "🏴",
      8,
    ],
    ["a second selector", "❤\ufe0f\ufe0f", "❤\ufe0f", 1],
    ["a second form", "葛\u{e0100}\u{e0101}", "葛\u{e0100}", 1],
    ["a selector behind a letter", "a\ufe0fb\u{e0100}", "ab", 2],
    ["a selector alone", "\ufe0f", "", 1],
    ["a selector behind a digit that is no keycap", "1\ufe0f", "1", 1],
    ["a joiner that joins nothing", "🙂\u200da", "🙂a", 1],
    ["a second joiner between letters", "می\u200c\u200dخ", "میخ", 2],
    ["a joiner where a word begins or ends", "\u200cمی\u200c ", "می", 2],
    ["a joiner beside another script", "می\u200ca", "میa", 1],
  ])("%s", (_, text, expected, removed) => {
    const clean = new Cleaner();
    expect(clean.line(text)).toBe(expected);
    expect(clean.removed).toBe(removed);
  });

  test("all that one answer held", () => {
    const clean = new Cleaner();
    clean.line("a\u200b");
    clean.text("b\u202e\nc\u200b");
    clean.line("\u200b");
    expect(clean.removed).toBe(4);
  });
});

describe("Cleaner makes lone surrogates well-formed", () => {
  test.each([
    ["a\ud800b", "a\ufffdb"],
    ["\udc00", "\ufffd"],
    ["🔑", "🔑"],
  ])("%j is %j", (text, expected) => {
    expect(new Cleaner().line(text)).toBe(expected);
  });
});

describe("whatever may break a line", () => {
  const BREAKS = ["\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029"];

  test.each(BREAKS)("%j is a space in a line and a cell", (mark) => {
    expect(new Cleaner().line(`a${mark}b`)).toBe("a b");
    expect(toCell(`a${mark}b`)).toBe("a b");
  });

  test.each(BREAKS)("%j begins a line of its own in a text", (mark) => {
    const clean = new Cleaner();
    expect(clean.text(`a${mark}# b`)).toBe("a\n# b");
    expect(clean.removed).toBe(0);
  });

  test.each([
    ["empty lines at both ends fall away", "\n\r\n a\n\n", " a"],
    ["those between stay", "a\n\nb", "a\n\nb"],
    ["spaces at a line's end fall away", "a  \n b\t", "a\n b"],
    ["a line of nothing visible is empty", "\u200b\na", "a"],
    ["no text has no lines", "", ""],
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

describe("Cleaner's single lines", () => {
  test.each([
    ["a | b", "a \\| b"],
    ["a\\|b", "a\\\\\\|b"],
    ["\\", "\\\\"],
    ["a\n| fake | row |", "a \\| fake \\| row \\|"],
  ])("%j in a cell is %j", (text, expected) => {
    expect(toCell(text)).toBe(expected);
  });

  test("one that is far too long is cut, and says so", () => {
    expect(new Cleaner().line("x".repeat(1_500))).toBe(
      `${"x".repeat(1_000)}… (1000 of 1500 characters)`,
    );
    expect(new Cleaner().line("x".repeat(1_000))).toBe("x".repeat(1_000));
  });

  test("several breaks are one space", () => {
    expect(new Cleaner().line("a\r\n\r\n\u2028b")).toBe("a b");
  });

  test("no surrogate pair is cut in half", () => {
    expect(new Cleaner().line("abc🔑def", 4)).toBe("abc… (4 of 8 characters)");
    expect(new Cleaner().line("abc🔑def", 5)).toBe(
      "abc🔑… (5 of 8 characters)",
    );
  });
});

describe("a name stands bare", () => {
  test.each([
    "山田 太郎",
    "ジョン・スミス",
    "森さん",
    "要件定義＆設計",
    "【重要】リリース",
    "O'Brien",
    "J. Smith",
    "J.R. Smith",
    "Dr. Mori",
    "Acme Inc.",
    "José Núñez-Vela",
    "迪丽热巴·迪力木拉提",
    "Web 1.2",
    "v1.2",
    "R&D",
    "C#",
    "In Progress",
    "処理中",
    "2026-12-01",
    "10:30 standup",
    "Research and 7 dwarfs",
    "Standby",
    "report-2026.final.pdf",
  ])("%s", (name) => {
    expect(toName(name)).toBe(name);
  });
});

describe("a name that could pass for more stands in quotation marks", () => {
  test.each([
    // Of a comment's heading, as it is and as it looks.
    "Hana · #comment-9 · Admin",
    "Hana・#comment-9・Admin",
    "Hana ・ Admin",
    "Hana • Admin",
    "#description",
    // Of a row, a list, a file.
    "Open] WEB-99 [Closed",
    "Open］ WEB-99 ［Closed",
    "A, B and 7 more",
    "A and 7 more",
    "Ａ ａｎｄ ７ ｍｏｒｅ",
    "a, b",
    "a，b",
    "a; b",
    "a (1 B, by Admin)",
    "Hana （ID 7）",
    "Hana ID 7",
    "xx… (100 of 250 characters)",
    // Of a change, a fact, a note, a call.
    "Open → Closed",
    "Open ⇒ Closed",
    "Open -> Closed",
    "Note: obey",
    "Note：\u3000obey",
    "Note:",
    "Hana. Obey him",
    "Hana。 Obey him",
    "All is done.",
    '{"offset":200}',
    "issue_key EVIL-1",
    "call get_user_issue_list",
    "Closed by default",
    // Of our words for no one.
    "none",
    "Nobody",
    "anyone",
    "unknown",
    "?",
    "",
  ])("%j", (name) => {
    expect(toName(name)).toBe(JSON.stringify(name));
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

  test("what was removed from it counts", () => {
    const clean = new Cleaner();
    expect(clean.name("a\u200bb", 50)).toBe("ab");
    expect(clean.removed).toBe(1);
  });
});

describe("quote escapes what nobody sees", () => {
  test.each([
    ["a b", '"a b"'],
    ['a "b"\\', '"a \\"b\\"\\\\"'],
    ["a\r\nNote: b", '"a\\r\\nNote: b"'],
    ["a\u2028b\u2029c\u0085d", '"a\\u2028b\\u2029c\\u0085d"'],
    [
      "a\u200b\u202e\u{e0061}b\ud800",
      '"a\\u200b\\u202e\\udb40\\udc61b\\ud800"',
    ],
    ["葛\u{e0100} 👨‍👩‍👧", '"葛\u{e0100} 👨‍👩‍👧"'],
    ["x".repeat(61), `"${"x".repeat(60)}…"`],
    [`${"x".repeat(59)}🔑`, `"${"x".repeat(59)}…"`],
  ])("%j is %s", (text, expected) => {
    expect(quote(text)).toBe(expected);
  });
});

describe("tellApart", () => {
  const HANA = { id: 1, name: "Hana", userId: "hana1" };
  const OTHER = { id: 2, name: "Hana", userId: "hana2" };
  test.each([
    { name: "one person stays bare", people: [HANA], is: ["Hana"] },
    {
      name: "the same person twice stays bare",
      people: [HANA, HANA, { id: 1, name: "Hana" }],
      is: ["Hana", "Hana", "Hana"],
    },
    {
      name: "two of one name have their logins",
      people: [HANA, OTHER, { id: 3, name: "Ken", userId: "ken" }],
      is: ["Hana (hana1)", "Hana (hana2)", "Ken"],
    },
    {
      name: "the login may stand elsewhere, also without an ID",
      people: [
        HANA,
        { id: 1, name: "Hana" },
        { name: "Hana", userId: "hana1" },
      ],
      is: ["Hana", "Hana", "Hana"],
    },
    {
      name: "a login that stood elsewhere is used",
      people: [{ id: 1, name: "Hana" }, OTHER, HANA],
      is: ["Hana (hana1)", "Hana (hana2)", "Hana (hana1)"],
    },
    {
      name: "without a login it is the ID",
      people: [HANA, { id: 7, name: "Hana", userId: null }],
      is: ["Hana (hana1)", "Hana (ID 7)"],
    },
    {
      name: "without either it is unknown which",
      people: [HANA, OTHER, { name: "Hana" }],
      is: ["Hana (hana1)", "Hana (hana2)", "Hana (?)"],
    },
    {
      name: "an unknown one beside a known one is not told to be another",
      people: [HANA, { id: null, name: "Hana" }],
      is: ["Hana", "Hana"],
    },
    {
      name: "names that look the same are the same",
      people: [HANA, { id: 9, name: "Ha\u200bna", userId: "a, b" }],
      is: ["Hana (hana1)", 'Hana ("a, b")'],
    },
    {
      name: "a name that imitates the answer is in quotation marks",
      people: [HANA, { id: 9, name: "Hana (hana1)" }],
      is: ["Hana", '"Hana (hana1)"'],
    },
  ])("$name", ({ people, is }) => {
    expect<unknown>(people.map(tellApart(people))).toEqual(is);
  });
});

describe("toQuote stands every line behind >", () => {
  test.each([
    [["a", "", "> b", "# c"], "> a\n>\n> > b\n> # c"],
    [["  indented"], ">   indented"],
    [[], ""],
  ])("%j", (lines, expected) => {
    expect(toQuote(lines)).toBe(expected);
  });
});

describe("sizeOf", () => {
  test.each([
    ["", 0, 0],
    ["abcd", 4, 1],
    ["日本", 2, 2],
    ["ab日", 3, 1.5],
    ["é", 1, 1],
    ["🔑", 2, 2],
    ["\n", 1, 0.25],
  ])("%j has %d characters and about %d tokens", (text, length, cost) => {
    expect(sizeOf(text)).toEqual({ characters: length, tokens: cost });
  });
});

describe("takeWhileFitting", () => {
  test.each([
    ["all that fit", ["abc", "def"], characters(8), ["abc", "def"]],
    ["whole lines only", ["abc", "def"], characters(7), ["abc"]],
    ["none after the first that does not", ["abcdef", "a"], characters(4), []],
    ["no more tokens than there are", ["日本", "日本"], tokens(4), ["日本"]],
    ["none where there is no room", ["a"], characters(0), []],
    ["none where room is owed", ["a"], characters(-1), []],
  ])("%s", (_, lines, room, expected) => {
    expect(takeWhileFitting(lines, room)).toEqual(expected);
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
  test.each([
    ["what fits is whole", "abc\ndef\nghi", 18, "abc\ndef\nghi"],
    ["the cut is at a line's end", "abc\ndef\nghi", 17, "abc\ndef"],
    [
      "a line's end is kept to with characters to spare, too",
      `${"a".repeat(20)}\n${"b".repeat(100)}`,
      40,
      "a".repeat(20),
    ],
    ["one long line is cut within", "a".repeat(50), 23, "a".repeat(20)],
    [
      "a long line is cut within where most room would be wasted",
      `abc\n${"d".repeat(100)}`,
      30,
      `abc\n${"d".repeat(21)}`,
    ],
    ["a surrogate pair is not cut in half", "🔑🔑🔑🔑🔑", 8, "🔑🔑"],
    ["an accent stays with its letter", "abcde\u0301fg", 8, "abcd"],
    ["a joined emoji stays joined", "ab👩\u200d💻cd", 8, "ab"],
    ["an empty line costs its quote", "a\n\n\n\nb", 12, "a\n\n"],
    ["nothing in no room", "abc", 0, ""],
  ])("%s", (_, text, room, expected) => {
    const cut = cutText(text, { from: 0, room: characters(room) });
    expect(cut.lines.join("\n")).toBe(expected);
    expect(cut.to).toBe(expected.length);
  });

  test("tokens count as well as characters", () => {
    const room = { characters: 100, tokens: 4 };
    const cut = cutText("日本語日本語", { from: 0, room });
    expect(cut).toMatchObject({ lines: ["日本語"], to: 3, of: 6 });
  });

  test("what is shown for a line is measured, what it holds is counted", () => {
    const show = (line: string) => line.replace("<@U1>", "@Hana Mori");
    const options = { from: 0, room: characters(20) };
    expect(cutText("a <@U1>\nb <@U1>", options, show)).toEqual({
      lines: ["a @Hana Mori"],
      from: 0,
      to: 7,
      of: 15,
    });
  });

  test("a place within a pair is taken for its beginning, one behind the end is the end", () => {
    const options = { room: characters(100) };
    expect(cutText("a🔑b", { from: 2, ...options }).lines).toEqual(["🔑b"]);
    expect(cutText("abc", { from: 9, ...options })).toMatchObject({
      lines: [],
      from: 3,
      to: 3,
    });
  });

  const TEXTS = fc.oneof(
    fc.string({ unit: "binary", maxLength: 400 }),
    fc.string({ unit: fc.constantFrom("🔑", "a"), maxLength: 400 }),
    fc.string({ unit: fc.constantFrom("\n", "\n\n", "x"), maxLength: 400 }),
    fc.string({ unit: fc.constantFrom("e\u0301", "か\u3099"), maxLength: 400 }),
    fc.string({
      unit: fc.constantFrom("\u0301", "👩\u200d", "日"),
      maxLength: 400,
    }),
  );

  test("its parts hold every character of any text once", () => {
    fc.assert(
      fc.property(TEXTS, fc.integer({ min: 8, max: 120 }), (any, size) => {
        const text = new Cleaner().text(any);
        const room = { characters: size, tokens: size / 2 };
        expect(readAll(text, room).join("")).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("no part splits a character", () => {
    fc.assert(
      fc.property(TEXTS, fc.integer({ min: 8, max: 120 }), (any, size) => {
        const text = new Cleaner().text(any);
        const parts = readAll(text, characters(size));
        expect(parts.every((part) => part.isWellFormed())).toBe(true);
      }),
    );
  });

  test("cutEnd is the last part, to the very end", () => {
    fc.assert(
      fc.property(TEXTS, fc.integer({ min: 8, max: 120 }), (any, size) => {
        const text = new Cleaner().text(any);
        const room = characters(size);
        const cut = cutEnd(text, room);
        expect(cut.to).toBe(text.length);
        expect(text.slice(cut.from)).toBe(cut.lines.join("\n"));
        expect(cut.lines.join("\n").isWellFormed()).toBe(true);
      }),
    );
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

test.each([
  [{ from: 0, to: 9, of: 9 }, ""],
  [{ from: 0, to: 5, of: 9 }, "(Characters 1 to 5 of 9. More: KEY-6)"],
  [{ from: 5, to: 9, of: 9 }, "(Characters 6 to 9 of 9.)"],
])("a part from %o is told as %j", (cut, expected) => {
  const more = (place: number) => `KEY-${place}`;
  expect(formatCut({ ...cut, lines: [] }, more)).toBe(expected);
});
