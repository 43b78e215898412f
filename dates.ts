import { quote } from "./text.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Whether the runtime knows this IANA name or offset. */
export function isTimeZone(name: string): boolean {
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
  東京: "Asia/Tokyo",
  kst: "Asia/Seoul",
  ist: "Asia/Kolkata",
  sgt: "Asia/Singapore",
  hkt: "Asia/Hong_Kong",
  cest: "Europe/Paris",
  bst: "Europe/London",
  pst: "America/Los_Angeles",
  pdt: "America/Los_Angeles",
  pt: "America/Los_Angeles",
  mdt: "America/Denver",
  cst: "America/Chicago",
  cdt: "America/Chicago",
  edt: "America/New_York",
  et: "America/New_York",
  aest: "Australia/Sydney",
  aedt: "Australia/Sydney",
  nzst: "Pacific/Auckland",
  z: "UTC",
};

/**
 * The IANA name as the runtime writes it. Throws with a suggestion where it is
 * none. https://www.iana.org/time-zones
 */
export function parseTimeZone(text: string): string {
  const name = text.normalize("NFKC").trim();
  if (isTimeZone(name)) {
    // The runtime may answer with an older name of the same zone.
    const known = new Intl.DateTimeFormat("en", { timeZone: name });
    const canonical = known.resolvedOptions().timeZone;
    const same = canonical.toLowerCase() === name.toLowerCase();
    return same ? canonical : name;
  }
  const suggestion = suggestTimeZone(name);
  throw new Error(
    `${quote(text)} is not an IANA time zone name${suggestion ? `; use ${suggestion}` : ""} (such as Asia/Tokyo, Europe/Berlin or UTC)`,
  );
}

function suggestTimeZone(name: string): string | undefined {
  const spoken = name.toLowerCase();
  if (Object.hasOwn(SPOKEN_ZONES, spoken)) return SPOKEN_ZONES[spoken];
  const offset = /^(?:utc|gmt)\s*([+-])(\d{1,2})(?::?(\d\d))?$/i.exec(name);
  if (offset) {
    const [, sign, hours = "", minutes = "00"] = offset;
    const meant = `${sign}${hours.padStart(2, "0")}:${minutes}`;
    return isTimeZone(meant) ? meant : undefined;
  }
  const fold = (zone: string) => zone.toLowerCase().replace(/[\s_-]+/g, "");
  const wanted = fold(name);
  if (wanted === "") return undefined;
  const city = (zone: string) => zone.split("/").at(-1) ?? zone;
  const zones = Intl.supportedValuesOf("timeZone");
  return (
    zones.find(
      (zone) => fold(zone) === wanted || fold(city(zone)) === wanted,
    ) ?? zones.find((zone) => wanted.includes(fold(city(zone))))
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

/**
 * The day an argument means: `2026-11-01`, `today`, `yesterday`, `tomorrow`,
 * `-7d`, `+2w` or `-1m`. Throws with the fix where it is none of these.
 */
export function parseDay(text: string, today: string): string {
  const word = text
    .normalize("NFKC")
    .replace(/[\u2212\u2010-\u2013]/g, "-")
    .trim()
    .toLowerCase();
  const named = ["yesterday", "today", "tomorrow"].indexOf(word);
  if (named >= 0) return addDays(today, named - 1);
  // Four digits at the most keep the year of the result within four, too.
  const relative = /^([+-]\d{1,4})([dwm])$/.exec(word);
  if (relative) {
    const [, amount, unit] = relative;
    return shift(today, Number(amount), unit ?? "d");
  }
  const parts = /^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?/.exec(word);
  if (!parts) {
    throw new Error(
      `${quote(text)} is not a date; use YYYY-MM-DD, today, yesterday, or a distance such as -7d, +2w, -1m`,
    );
  }
  const [, year = "", month = "", day = ""] = parts;
  const meant = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  assertDayExists(meant, Number(year), Number(month), Number(day));
  if (meant === word) return meant;
  throw new Error(`${quote(text)} is not a date; use ${meant}`);
}

function assertDayExists(
  text: string,
  year: number,
  month: number,
  day: number,
): void {
  if (month < 1 || month > 12) {
    throw new Error(`${text} does not exist; months go from 01 to 12`);
  }
  const days = daysInMonth(year, month);
  if (day < 1 || day > days) {
    const name = `${year}-${String(month).padStart(2, "0")}`;
    throw new Error(`${text} does not exist; ${name} has ${days} days`);
  }
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

const PLACE =
  /(?:^:?|\/zoneinfo\/(?:posix\/)?)((?!Etc\/)[A-Z][A-Za-z]+(?:\/[A-Z][\w-]+){1,2})$/;

/** The zone that this machine is set to, if it is a place such as Asia/Tokyo. */
export async function readMachineZone(
  tz: string | undefined,
): Promise<string | undefined> {
  const { readlink } = await import("node:fs/promises");
  const name =
    process.platform === "win32"
      ? // Elsewhere it would take as long as all the rest of a start.
        new Intl.DateTimeFormat().resolvedOptions().timeZone
      : (tz ?? (await readlink("/etc/localtime").catch(() => "")));
  return PLACE.exec(name)?.[1];
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
