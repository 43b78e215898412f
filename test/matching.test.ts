import { describe, expect, test } from "bun:test";
import { type Candidate, differsPlainly, match, unquote } from "../matching.ts";

const CHOICES: Candidate[] = [
  { ids: [11], names: ["Bug", "バグ"] },
  { ids: [12], names: ["Release 1"] },
  { ids: [13], names: ["Release 10"] },
  { ids: [14], names: ["Satō Ichirō"] },
  { ids: [15], names: ["WAITING"] },
  { ids: [16], names: ["waiting"] },
  { ids: [17], names: ['"quoted"'] },
  { ids: [18], names: ["森 太郎"], words: ["森", "太郎"] },
  { ids: [19], names: ["大森 花"], words: ["大森", "花"] },
  { ids: [20], names: ["森田 花"], words: ["森田", "花"] },
];

describe("a word is matched", () => {
  test.each([
    ["exactly", "Release 10", [13]],
    ["exactly, though others begin with it", "Release 1", [12]],
    ["exactly, though another differs in case alone", "waiting", [16]],
    ["exactly, though it has quotes of its own", '"quoted"', [17]],
    ["by another of its names", "バグ", [11]],
    ["within quotes and spaces", " 「 Bug 」 ", [11]],
    ["whatever its case", "bUG", [11]],
    ["in full width", "Ｒｅｌｅａｓｅ　１", [12]],
    ["in half width", "ﾊﾞｸﾞ", [11]],
    ["with any number of spaces", "release   1", [12]],
    ["with accents written apart", "Sato\u0304 Ichiro\u0304", [14]],
    ["by a whole word, though others begin with it", "森", [18]],
    ["with several that have the word", "花", [19, 20]],
    ["by its beginning", "bu", [11]],
    ["by its ID", "14", [14]],
    ["with several that begin with it", "rel", [12, 13]],
    ["with several that differ in case", "Waiting", [15, 16]],
    ["with none by its end", "ug", []],
    ["with none by a part of a word", "郎", []],
    ["with none without its accents", "Sato", []],
    ["with none where nothing is left of it", " “” ", []],
  ])("%s: %s", (_how, word, expected) => {
    const found = match(word, CHOICES);
    expect(found.flatMap(({ ids }) => ids)).toEqual(expected);
  });
});

describe("quotes around a word are dropped", () => {
  test.each([
    ['"a"', "a"],
    ["“a”", "a"],
    ["「 a 」", "a"],
    // One pair, of one kind.
    ['""a""', '"a"'],
    ["「a”", "「a”"],
    ['"', '"'],
  ])("%s is %s", (text, expected) => {
    expect(unquote(text)).toBe(expected);
  });
});

const NOTES = "Write the release notes";
test.each([
  [NOTES, NOTES, false],
  ["write the release", NOTES, false],
  ["Write release note", NOTES, false],
  ["WEB-7: 「Write the release notes」", NOTES, false],
  ["🔑", NOTES, false],
  ["Dark mode for the admin pages", NOTES, true],
  ["夜間バッチが落ちる", "証明書の更新", true],
])("the titles %s, %s differ plainly: %p", (a, b, expected) => {
  expect(differsPlainly(a, b)).toBe(expected);
});
