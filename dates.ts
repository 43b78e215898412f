import { quote } from "./text.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Whether the runtime knows this IANA name or offset. */
function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

// What people say for a zone that has no IANA name of that spelling.
const SPOKEN_ZONES: Record<string, string> = {
  jst: "Asia/Tokyo",
  日本: "Asia/Tokyo",
  日本時間: "Asia/Tokyo",
  日本標準時: "Asia/Tokyo",
  japan: "Asia/Tokyo",
  東京: "Asia/Tokyo",
  kst: "Asia/Seoul",
  sgt: "Asia/Singapore",
  hkt: "Asia/Hong_Kong",
  cest: "Europe/Paris",
  pst: "America/Los_Angeles",
  pdt: "America/Los_Angeles",
  pt: "America/Los_Angeles",
  mdt: "America/Denver",
  cdt: "America/Chicago",
  edt: "America/New_York",
  et: "America/New_York",
  aest: "Australia/Sydney",
  aedt: "Australia/Sydney",
  nzst: "Pacific/Auckland",
  z: "UTC",
};

/**
 * The IANA name or offset that is meant: `Asia/Tokyo`, `JST`, `Tokyo`, `UTC+9`.
 * Throws with the way to name one. https://www.iana.org/time-zones
 */
export function parseTimeZone(text: string): string {
  const name = text.normalize("NFKC").trim();
  const spoken = toSpokenZone(name);
  if (spoken !== undefined) return spoken;
  if (isTimeZone(name)) {
    // The runtime may answer with an older name of the same zone.
    const known = new Intl.DateTimeFormat("en", { timeZone: name });
    const canonical = known.resolvedOptions().timeZone;
    const same = canonical.toLowerCase() === name.toLowerCase();
    return same ? canonical : name;
  }
  const found = findZones(name);
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  const choices = found.length > 0 ? `: ${found.slice(0, 5).join(", ")}` : "";
  const which = choices === "" ? "no time zone" : "more than one time zone";
  throw new Error(
    `${quote(text)} names ${which}${choices}. Use an IANA name such as Asia/Tokyo, Europe/Berlin or UTC`,
  );
}

// Each is the time of several countries.
const AMBIGUOUS_ZONES: Record<string, string[]> = {
  bst: ["Europe/London", "Asia/Dhaka"],
  cst: ["America/Chicago", "Asia/Shanghai"],
  ist: ["Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"],
};

function toSpokenZone(name: string): string | undefined {
  const spoken = name.toLowerCase();
  if (Object.hasOwn(SPOKEN_ZONES, spoken)) return SPOKEN_ZONES[spoken];
  const offset = /^(?:utc|gmt)\s*([+-])(\d{1,2})(?::?(\d\d))?$/i.exec(name);
  if (!offset) return undefined;
  const [, sign, hours = "", minutes = "00"] = offset;
  const meant = `${sign}${hours.padStart(2, "0")}:${minutes}`;
  return isTimeZone(meant) ? meant : undefined;
}

/** The zones of that city, or of that spelling but for spaces. */
function findZones(name: string): string[] {
  const fold = (zone: string) => zone.toLowerCase().replace(/[\s/_-]+/g, "");
  const wanted = fold(name);
  if (Object.hasOwn(AMBIGUOUS_ZONES, wanted)) {
    return AMBIGUOUS_ZONES[wanted] ?? [];
  }
  const city = (zone: string) => zone.split("/").at(-1) ?? zone;
  return wanted === ""
    ? []
    : Intl.supportedValuesOf("timeZone").filter(
        (zone) => fold(zone) === wanted || fold(city(zone)) === wanted,
      );
}

/** `2026-11-21 00:30`, the wall clock of that zone at this instant. */
export function formatInstant(instant: string, timeZone: string): string {
  return instantFormat(timeZone)(instant);
}

/** As `formatInstant`, for many instants of one zone: setting up is the cost. */
export function instantFormat(timeZone: string): (instant: string) => string {
  // Swedish already writes yyyy-MM-dd HH:mm; others would need reassembly.
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (instant) => format.format(new Date(instant));
}

/** The calendar day in that zone at this moment. */
export function toToday(now: Date, timeZone: string): string {
  return instantFormat(timeZone)(now.toISOString()).slice(0, 10);
}

/** When that day begins in that zone, in milliseconds since 1970. */
export function startOfDay(day: string, timeZone: string): number {
  const wall = instantFormat(timeZone);
  const midnight = Date.parse(`${day}T00:00Z`);
  const toWall = (instant: number) =>
    Date.parse(`${wall(new Date(instant).toISOString()).replace(" ", "T")}Z`);
  let start = midnight;
  // The second time with the offset of that very day.
  for (let n = 0; n < 2; n += 1) start -= toWall(start) - midnight;
  // Where clocks skip midnight, the day begins with what comes after.
  return toWall(start) < midnight ? start + 60 * 60 * 1000 : start;
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
  if (!isZonedDay(day)) return day.slice(0, 10);
  if (spaceTimeZone !== undefined && isTimeZone(spaceTimeZone)) {
    return instantFormat(spaceTimeZone)(day).slice(0, 10);
  }
  const instant = new Date(day);
  const nextDay = instant.getUTCHours() >= 12 ? 1 : 0;
  return addDays(day.slice(0, 10), nextDay);
}

/** What the day of an argument depends on. */
export interface DayContext {
  /** In `timeZone`, `2026-11-22`. */
  today: string;
  timeZone: string;
  /** Of a week or month, the day that is meant: its first or its last. */
  end: "since" | "until";
}

const DAY_FORMS =
  "YYYY-MM-DD, today, yesterday, -7d, +2w, -1m, this week, last month, Friday";

/**
 * The day an argument means, in English or Japanese: `2026-11-01`, `today`,
 * `-7d`, `last week`, `金曜`. Throws with the fix where it is none of these.
 */
export function parseDay(text: string, context: DayContext): string {
  const word = text
    .normalize("NFKC")
    .replace(/[\u2212\u2010-\u2013]/g, "-")
    .replace(/[\s_]+/g, " ")
    .trim()
    .toLowerCase();
  const day =
    parseWrittenDay(word, context) ??
    parseNamedDay(word, context.today) ??
    parseDistance(word, context.today) ??
    parsePeriod(word, context) ??
    parseWeekday(word, context);
  if (day !== undefined) return day;
  throw new Error(
    describeIncomplete(word, context) ??
      `${quote(text)} is not a date; use ${DAY_FORMS}`,
  );
}

/** In digits with a year, however joined; of an instant its day in the zone. */
function parseWrittenDay(
  word: string,
  { timeZone, end }: DayContext,
): string | undefined {
  const [, year, month] = /^(\d{4})[-/.年](\d{1,2})月?$/.exec(word) ?? [];
  if (year !== undefined) {
    const first = toExistingDay(Number(year), Number(month), 1);
    return end === "since" ? first : toLastOfMonth(first);
  }
  const parts =
    /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[t ]\d\d:\d\d[\d:.]*(z|[+-]\d\d:?\d\d)?)?$/.exec(
      word,
    ) ?? /^(\d{4})(\d\d)(\d\d)$/.exec(word);
  if (!parts) return undefined;
  const [first = 0, second = 0, third = 0] = parts.slice(1, 4).map(Number);
  const day = toExistingDay(first, second, third);
  if (parts[4] === undefined) return day;
  const instant = word.toUpperCase().replace(" ", "T");
  return Number.isNaN(Date.parse(instant))
    ? undefined
    : instantFormat(timeZone)(instant).slice(0, 10);
}

const NAMED_DAYS: Record<string, number> = {
  "day before yesterday": -2,
  "the day before yesterday": -2,
  一昨日: -2,
  おととい: -2,
  yesterday: -1,
  昨日: -1,
  きのう: -1,
  today: 0,
  now: 0,
  今日: 0,
  本日: 0,
  tomorrow: 1,
  明日: 1,
  "day after tomorrow": 2,
  "the day after tomorrow": 2,
  明後日: 2,
  あさって: 2,
};

function parseNamedDay(word: string, today: string): string | undefined {
  return Object.hasOwn(NAMED_DAYS, word)
    ? addDays(today, NAMED_DAYS[word] ?? 0)
    : undefined;
}

const UNITS: Record<string, string> = { 日: "d", 週間: "w" };

/** `-7d`, `7 days ago`, `a week ago`, `in 2 weeks`, `3日前`, `1か月後`. */
function parseDistance(word: string, today: string): string | undefined {
  // Four digits at the most keep the year of the result within four, too.
  const sign = /^([+-])(\d{1,4}) ?(d|w|m)$/.exec(word);
  const ago = /^(\d{1,4}|an?|one) (d|w|m)(?:ay|eek|onth)s? (ago)$/.exec(word);
  const ahead = /^in (\d{1,4}|an?|one) (d|w|m)(?:ay|eek|onth)s?$/.exec(word);
  const japanese = /^(\d{1,4}) ?(日|週間|[かヶケカ箇]月)(前|後)$/.exec(word);
  if (sign) return shift(today, Number(`${sign[1]}${sign[2]}`), sign[3] ?? "d");
  const [, amount, unit = "d", direction] = ago ?? ahead ?? japanese ?? [];
  if (amount === undefined) return undefined;
  const isPast = direction === "ago" || direction === "前";
  const number = /^\d/.test(amount) ? Number(amount) : 1;
  return shift(
    today,
    isPast ? -number : number,
    /^[dwm]$/.test(unit) ? unit : (UNITS[unit] ?? "m"),
  );
}

// The place of a week, a month or a year beside the present one.
const PLACES: Record<string, number> = {
  last: -1,
  previous: -1,
  先: -1,
  昨: -1,
  去: -1,
  this: 0,
  current: 0,
  今: 0,
  next: 1,
  来: 1,
};

/** A week, month or year, of which the first or the last day is meant. */
function parsePeriod(
  word: string,
  { today, end }: DayContext,
): string | undefined {
  const [, place = "", unit = ""] =
    /^(last|previous|this|current|next) (week|month|year)$/.exec(word) ??
    /^(先|今|来|昨|去)(週|月|年)$/.exec(word) ??
    [];
  if (unit === "week" || unit === "週") {
    const monday = toMonday(today, PLACES[place]);
    return end === "since" ? monday : addDays(monday, 6);
  }
  if (unit === "month" || unit === "月") {
    const first = toFirstOfMonth(today, PLACES[place]);
    return end === "since" ? first : toLastOfMonth(first);
  }
  if (unit === "year" || unit === "年") {
    const year = Number(today.slice(0, 4)) + (PLACES[place] ?? 0);
    return end === "since" ? format(year, 1, 1) : format(year, 12, 31);
  }
  const monthEnd =
    /^(先|今|来)?月末$/.exec(word) ??
    /^end of (?:the )?(?:(last|this|next) )?month$/.exec(word);
  if (!monthEnd) return undefined;
  const months = PLACES[monthEnd[1] ?? "this"];
  return toLastOfMonth(toFirstOfMonth(today, months));
}

const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday"].concat([
  "friday",
  "saturday",
  "sunday",
]);
const WEEKDAYS_IN_JAPANESE = "月火水木金土日";

/** Of the week that is named; else the last one or the next one, today's too. */
function parseWeekday(
  word: string,
  { today, end }: DayContext,
): string | undefined {
  const [, place, name = ""] =
    /^(?:(last|this|next) )?([a-z]{3,9})$/.exec(word) ??
    /^(?:(先|今|来)週の?)?([月火水木金土日])曜日?$/.exec(word) ??
    [];
  const index =
    name.length === 1
      ? WEEKDAYS_IN_JAPANESE.indexOf(name)
      : WEEKDAYS.findIndex((day) =>
          [day, day.slice(0, 3), day.slice(0, 4)].includes(name),
        );
  if (name === "" || index < 0) return undefined;
  const inThisWeek = addDays(toMonday(today), index);
  if (place !== undefined) return addDays(inThisWeek, (PLACES[place] ?? 0) * 7);
  if (end === "since") {
    return inThisWeek > today ? addDays(inThisWeek, -7) : inThisWeek;
  }
  return inThisWeek < today ? addDays(inThisWeek, 7) : inThisWeek;
}

/** Why a month or a day without a year is no day, with those it may mean. */
function describeIncomplete(
  word: string,
  { today, end }: DayContext,
): string | undefined {
  const [, month, day] =
    /^(\d{1,2})(?:[-/.]|月)(\d{1,2})日?$/.exec(word) ??
    /^(\d{1,2})月$/.exec(word) ??
    [];
  if (month === undefined || Number(month) < 1 || Number(month) > 12) {
    return undefined;
  }
  const thisYear = Number(today.slice(0, 4));
  const days = [thisYear - 1, thisYear, thisYear + 1].flatMap((year) => {
    const last = daysInMonth(year, Number(month));
    const meant = Number(day ?? (end === "since" ? 1 : last));
    return meant >= 1 && meant <= last
      ? [format(year, Number(month), meant)]
      : [];
  });
  const distance = (to: string) => Math.abs(Date.parse(to) - Date.parse(today));
  const [first, second] = days.sort((a, b) => distance(a) - distance(b));
  if (first === undefined) {
    return `${quote(word)} is not a date; use a day that its month has`;
  }
  const others = second === undefined ? "" : ` or ${second}`;
  return `${quote(word)} names no year; use ${first}${others}`;
}

function toMonday(day: string, weeks = 0): string {
  const weekday = (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
  return addDays(day, weeks * 7 - weekday);
}

function toFirstOfMonth(day: string, months = 0): string {
  return shift(`${day.slice(0, 8)}01`, months, "m");
}

function toLastOfMonth(day: string): string {
  return addDays(shift(toFirstOfMonth(day), 1, "m"), -1);
}

/** Throws where no calendar has this day. */
function toExistingDay(year: number, month: number, day: number): string {
  const text = format(year, month, day);
  if (month < 1 || month > 12) {
    throw new Error(`${text} does not exist; months go from 01 to 12`);
  }
  const days = daysInMonth(year, month);
  if (day < 1 || day > days) {
    throw new Error(
      `${text} does not exist; ${text.slice(0, 7)} has ${days} days`,
    );
  }
  return text;
}

function format(year: number, month: number, day: number): string {
  const digits = (number: number, length: number) =>
    String(number).padStart(length, "0");
  return [digits(year, 4), digits(month, 2), digits(day, 2)].join("-");
}

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function shift(day: string, amount: number, unit: string): string {
  if (unit === "d") return addDays(day, amount);
  if (unit === "w") return addDays(day, amount * 7);
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  const months = year * 12 + (month - 1) + amount;
  const toYear = Math.floor(months / 12);
  const toMonth = (((months % 12) + 12) % 12) + 1;
  const toDate = Math.min(date, daysInMonth(toYear, toMonth));
  return toDay(Date.UTC(toYear, toMonth - 1, toDate));
}

/** The day so many days later; earlier where `days` is negative. */
export function addDays(day: string, days: number): string {
  return toDay(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS);
}

function toDay(epochMs: number): string {
  return new Date(epochMs).toISOString().split("T")[0] ?? "";
}

/** `in 8 days`, `today`, `3 days overdue`. */
export function formatDistance(day: string, today: string): string {
  const days = Math.round(
    (Date.parse(`${day}T00:00:00Z`) - Date.parse(`${today}T00:00:00Z`)) /
      DAY_MS,
  );
  if (days === 0) return "today";
  const amount = `${Math.abs(days)} day${Math.abs(days) === 1 ? "" : "s"}`;
  return days > 0 ? `in ${amount}` : `${amount} overdue`;
}
