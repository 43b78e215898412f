import { formatCount, quote } from "./text.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

// What people say for a zone that has no IANA name of that spelling. Some mean
// the time of several countries.
const SPOKEN_ZONES: readonly (readonly [zone: string, words: string])[] = [
  ["Asia/Tokyo", "jst 日本 日本時間 日本標準時 japan 東京"],
  ["Asia/Seoul", "kst"],
  ["Asia/Singapore", "sgt"],
  ["Asia/Hong_Kong", "hkt"],
  ["Asia/Kolkata", "ist"],
  ["Asia/Jerusalem", "ist"],
  ["Europe/Dublin", "ist"],
  ["Europe/London", "bst"],
  ["Asia/Dhaka", "bst"],
  ["Europe/Paris", "cest"],
  ["America/Los_Angeles", "pst pdt pt"],
  ["America/Denver", "mdt"],
  ["America/Chicago", "cdt cst"],
  ["Asia/Shanghai", "cst"],
  ["America/New_York", "edt et"],
  ["Australia/Sydney", "aest aedt"],
  ["Pacific/Auckland", "nzst"],
  ["UTC", "z"],
];

/**
 * The IANA name or offset that is meant: `Asia/Tokyo`, `JST`, `Tokyo`, `UTC+9`.
 * Throws with the way to name one. https://www.iana.org/time-zones
 */
export function parseTimeZone(text: string): string {
  const name = text.normalize("NFKC").trim();
  const zones = findZones(name);
  const [zone] = zones;
  if (zone !== undefined && zones.length === 1) return zone;
  const choices = zones.length > 0 ? `: ${zones.slice(0, 5).join(", ")}` : "";
  const which = zones.length > 0 ? "more than one time zone" : "no time zone";
  throw new Error(
    `${quote(text)} names ${which}${choices}. Use an IANA name such as Asia/Tokyo, Europe/Berlin or UTC`,
  );
}

/** Those of that word, of that name, or of that city. */
function findZones(name: string): string[] {
  const word = name.toLowerCase();
  const spoken = SPOKEN_ZONES.filter(([, words]) =>
    words.split(" ").includes(word),
  );
  if (spoken.length > 0) return spoken.map(([zone]) => zone);
  const [, sign, hours = "", minutes = "00"] =
    /^(?:utc|gmt)\s*([+-])(\d{1,2})(?::?(\d\d))?$/.exec(word) ?? [];
  const zone = toTimeZone(
    sign ? `${sign}${hours.padStart(2, "0")}:${minutes}` : name,
  );
  if (zone !== undefined) return [zone];
  const fold = (text: string) => text.toLowerCase().replace(/[\s/_-]+/g, "");
  const meant = fold(name);
  const isMeant = (text: string | undefined = "") => fold(text) === meant;
  return Intl.supportedValuesOf("timeZone").filter(
    (one) => isMeant(one) || isMeant(one.split("/").at(-1)),
  );
}

/** As the runtime spells it; undefined where it does not know this one. */
function toTimeZone(name: string): string | undefined {
  try {
    return new Temporal.ZonedDateTime(0n, name).timeZoneId;
  } catch {
    return undefined;
  }
}

/** `2026-11-21 00:30`, the wall clock of that zone at this instant. */
export function formatInstant(instant: string, timeZone: string): string {
  return toWall(new Date(instant), timeZone)
    .toString({ smallestUnit: "minute" })
    .replace("T", " ");
}

function toWall(instant: Date, timeZone: string): Temporal.PlainDateTime {
  const zoned = instant.toTemporalInstant().toZonedDateTimeISO(timeZone);
  return zoned.toPlainDateTime();
}

/** The calendar day in that zone at this moment. */
export function toToday(now: Date, timeZone: string): string {
  return toWall(now, timeZone).toPlainDate().toString();
}

/** The day of an instant in UTC or in that zone: the earlier one. */
export function toEarlierDay(instant: string, timeZone = ""): string {
  // Where the zone is not known, that in which days end last.
  const zones = ["UTC", toTimeZone(timeZone) ?? "Etc/GMT+12"];
  const days = zones.map((zone) => toToday(new Date(instant), zone));
  const [earlier = ""] = days.sort();
  return earlier;
}

/** When that day begins in that zone, in milliseconds since 1970. */
export function startOfDay(day: string, timeZone: string): number {
  const { epochMilliseconds } =
    Temporal.PlainDate.from(day).toZonedDateTime(timeZone);
  return epochMilliseconds;
}

/** Whether a day is written as a midnight that is not UTC's. */
export function isZonedDay(day: string): boolean {
  return day.length > 10 && !/T00:00:00(\.0+)?Z$/.test(day);
}

/**
 * The calendar day that Backlog means, `2026-01-31`. Days carry UTC midnight;
 * older data carry midnight of the space's own zone. Where that zone is not
 * known, the nearest midnight is taken.
 */
export function toCalendarDay(day: string, spaceTimeZone?: string): string {
  const instant = Date.parse(day);
  if (!isZonedDay(day) || Number.isNaN(instant)) return day.slice(0, 10);
  const zone = toTimeZone(spaceTimeZone ?? "");
  return zone === undefined
    ? toToday(new Date(instant + DAY_MS / 2), "UTC")
    : toToday(new Date(instant), zone);
}

/** What the day of an argument depends on. */
interface DayContext {
  /** In `timeZone`, `2026-11-22`. */
  today: string;
  timeZone: string;
  /** Of a week or month, the day that is meant: its first or its last. */
  end: "since" | "until";
}

type Day = Temporal.PlainDate;
/** What a word means, of one day or more. */
type Span = readonly [first: Day, last: Day];
type Parse = (word: string, today: Day, timeZone: string) => Span | undefined;

const DAY_FORMS =
  "YYYY-MM-DD, today, yesterday, -7d, +2w, -1m, this week, last month, Friday";

/**
 * The day an argument means, in English or Japanese: `2026-11-01`, `today`,
 * `-7d`, `last week`, `金曜`. Throws with the fix where it is none of these.
 */
export function parseDay(text: string, context: DayContext): string {
  const { timeZone, end } = context;
  const today = Temporal.PlainDate.from(context.today);
  const word = text
    .normalize("NFKC")
    .replace(/[\u2212\u2010-\u2013]/g, "-")
    .replace(/[\s_]+/g, " ")
    .trim()
    .toLowerCase();
  for (const parse of PARSERS) {
    const span = parse(word, today, timeZone);
    if (span) return span[end === "since" ? 0 : 1].toString();
  }
  throw new Error(
    describeIncomplete(word, today, end) ??
      `${quote(text)} is not a date; use ${DAY_FORMS}`,
  );
}

/** Whether it means another day on another day. */
export function isRelativeDay(text: string): boolean {
  const parse = (today: string) =>
    parseDay(text, { today, timeZone: "UTC", end: "since" });
  try {
    return parse("2000-01-01") !== parse("2001-02-02");
  } catch {
    return false;
  }
}

const PARSERS: readonly Parse[] = [
  parseWritten,
  parseNamed,
  parseDistance,
  parsePeriod,
  parseWeekday,
];

/** In digits with a year, however joined; of an instant its day in the zone. */
function parseWritten(word: string, _: Day, timeZone: string) {
  const [, ofYear, inMonth] = /^(\d{4})[-/.年](\d{1,2})月?$/.exec(word) ?? [];
  if (ofYear && inMonth) return toMonth(toExisting(ofYear, inMonth, "01"));
  const [, year, month = "", date = "", offset] =
    /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[t ]\d\d:\d\d[\d:.]*(z|[+-]\d\d:?\d\d)?)?$/.exec(
      word,
    ) ??
    /^(\d{4})(\d\d)(\d\d)$/.exec(word) ??
    [];
  if (year === undefined) return undefined;
  const day = toExisting(year, month, date);
  if (offset === undefined) return toSpan(day);
  const instant = new Date(word.toUpperCase().replace(" ", "T"));
  return Number.isNaN(instant.getTime())
    ? undefined
    : toSpan(toWall(instant, timeZone).toPlainDate());
}

/** Throws where no calendar has this day. */
function toExisting(year: string, month: string, date: string): Day {
  const text = [year, month.padStart(2, "0"), date.padStart(2, "0")].join("-");
  if (Number(month) < 1 || Number(month) > 12) {
    throw new Error(`${text} does not exist; months go from 01 to 12`);
  }
  const first = new Temporal.PlainDate(Number(year), Number(month), 1);
  const days = first.daysInMonth;
  if (Number(date) < 1 || Number(date) > days) {
    throw new Error(
      `${text} does not exist; ${text.slice(0, 7)} has ${days} days`,
    );
  }
  return first.with({ day: Number(date) });
}

const NAMED_DAYS: readonly (readonly [days: number, ...words: string[]])[] = [
  [
    -2,
    "day before yesterday",
    "the day before yesterday",
    "一昨日",
    "おととい",
  ],
  [-1, "yesterday", "昨日", "きのう"],
  [0, "today", "now", "今日", "本日"],
  [1, "tomorrow", "明日"],
  [2, "day after tomorrow", "the day after tomorrow", "明後日", "あさって"],
];

function parseNamed(word: string, today: Day) {
  const found = NAMED_DAYS.find(([, ...words]) => words.includes(word));
  return found && toSpan(today.add({ days: found[0] }));
}

// Four digits at the most keep the year of the result within four, too.
const DISTANCES = [
  /^(?<way>[+-])(?<amount>\d{1,4}) ?(?<unit>[dwm])$/,
  /^(?<amount>\d{1,4}|an?|one) (?<unit>day|week|month)s? (?<way>ago)$/,
  /^(?<way>in) (?<amount>\d{1,4}|an?|one) (?<unit>day|week|month)s?$/,
  /^(?<amount>\d{1,4}) ?(?<unit>日|週間|[かヶケカ箇]月)(?<way>前|後)$/,
];

/** `-7d`, `7 days ago`, `a week ago`, `in 2 weeks`, `3日前`, `1か月後`. */
function parseDistance(word: string, today: Day) {
  for (const pattern of DISTANCES) {
    const {
      way = "",
      amount = "",
      unit = "",
    } = pattern.exec(word)?.groups ?? {};
    if (way === "") continue;
    const number = /\d/.test(amount) ? Number(amount) : 1;
    const count = ["-", "ago", "前"].includes(way) ? -number : number;
    if (/^[d日]/.test(unit)) return toSpan(today.add({ days: count }));
    if (/^[w週]/.test(unit)) return toSpan(today.add({ weeks: count }));
    return toSpan(today.add({ months: count }));
  }
  return undefined;
}

// The place of a week, a month or a year beside the present one.
const PLACES: readonly (readonly [place: number, ...words: string[]])[] = [
  [-1, "last", "previous", "先", "昨", "去"],
  [0, "this", "current", "今"],
  [1, "next", "来"],
];

function toPlace(word: string): number {
  return PLACES.find(([, ...words]) => words.includes(word))?.[0] ?? 0;
}

function parsePeriod(word: string, today: Day) {
  const [, place = "", unit = ""] =
    /^(last|previous|this|current|next) (week|month|year)$/.exec(word) ??
    /^(先|今|来|昨|去)(週|月|年)中?$/.exec(word) ??
    /^(先|今|来)?(月末|週末)$/.exec(word) ??
    /^(?:the |(last|this|next) )?(weekend)$/.exec(word) ??
    /^end of (?:the )?(?:(last|this|next) )?(month)$/.exec(word) ??
    [];
  const count = toPlace(place);
  if (/^[w週]/.test(unit)) {
    const monday = toMonday(today).add({ weeks: count });
    const days = /末|end/.test(unit) ? 5 : 0;
    return [monday.add({ days }), monday.add({ days: 6 })] as const;
  }
  if (/^[y年]/.test(unit)) {
    const first = today.with({ month: 1, day: 1 }).add({ years: count });
    return [first, first.with({ month: 12, day: 31 })] as const;
  }
  if (unit === "") return undefined;
  const [first, last] = toMonth(today.add({ months: count }));
  return /末|^end/.test(word) ? toSpan(last) : ([first, last] as const);
}

const WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday";
const WEEKDAYS_IN_JAPANESE = "月火水木金土日";

/** Of the week that is named; else the last one or the next one, today's too. */
function parseWeekday(word: string, today: Day): Span | undefined {
  const [, place, name = ""] =
    /^(?:(last|this|next) )?([a-z]{3,9})$/.exec(word) ??
    /^(?:(先|今|来)週の?)?([月火水木金土日])曜日?$/.exec(word) ??
    [];
  const index =
    name.length === 1
      ? WEEKDAYS_IN_JAPANESE.indexOf(name)
      : WEEKDAYS.split(" ").findIndex((day) =>
          [day, day.slice(0, 3), day.slice(0, 4)].includes(name),
        );
  if (name === "" || index < 0) return undefined;
  const day = toMonday(today).add({ days: index });
  if (place) return toSpan(day.add({ weeks: toPlace(place) }));
  const isPast = Temporal.PlainDate.compare(day, today);
  return [
    isPast > 0 ? day.subtract({ weeks: 1 }) : day,
    isPast < 0 ? day.add({ weeks: 1 }) : day,
  ];
}

/** Why a month or a day without a year is no day, with those it may mean. */
function describeIncomplete(
  word: string,
  today: Day,
  end: DayContext["end"],
): string | undefined {
  const [, month = "0", date] =
    /^(\d{1,2})(?:[-/.]|月)(\d{1,2})日?$/.exec(word) ??
    /^(\d{1,2})月$/.exec(word) ??
    [];
  if (Number(month) < 1 || Number(month) > 12) return undefined;
  const days = [-1, 0, 1].flatMap((years) => {
    const year = today.add({ years }).year;
    const [first, last] = toMonth(
      new Temporal.PlainDate(year, Number(month), 1),
    );
    const day = Number(date ?? (end === "since" ? first.day : last.day));
    return day >= 1 && day <= last.day ? [first.with({ day })] : [];
  });
  const far = (day: Day) => Math.abs(today.until(day).days);
  const [first, second] = days.sort((a, b) => far(a) - far(b));
  if (first === undefined) {
    return `${quote(word)} is not a date; use a day that its month has`;
  }
  const other = second === undefined ? "" : ` or ${second}`;
  return `${quote(word)} names no year; use ${first}${other}`;
}

function toSpan(day: Day): Span {
  return [day, day];
}

function toMonth(day: Day): Span {
  return [day.with({ day: 1 }), day.with({ day: day.daysInMonth })];
}

function toMonday(day: Day): Day {
  return day.subtract({ days: day.dayOfWeek - 1 });
}

/** The day so many days later; earlier where `days` is negative. */
export function addDays(day: string, days: number): string {
  return Temporal.PlainDate.from(day).add({ days }).toString();
}

/** `in 8 days`, `today`, `3 days overdue`. */
export function formatDistance(day: string, today: string): string {
  // A due date of Backlog's may be one that no calendar has.
  const days = (Date.parse(day) - Date.parse(today)) / DAY_MS;
  if (days === 0) return "today";
  const amount = formatCount(Math.abs(days), "day");
  return days > 0 ? `in ${amount}` : `${amount} overdue`;
}
