import type { ListArguments } from "./arguments.ts";
import type { Query } from "./backlog.ts";
import { parseDay, toCalendarDay } from "./dates.ts";
import { toMessage } from "./errors.ts";
import type { ListFilter } from "./list-text.ts";
import type { Lookup } from "./lookup.ts";
import { fold, matchAll, unquote, WordProblem } from "./matching.ts";
import type { CustomFieldDefinition, IssueRow } from "./responses.ts";
import { quote, toName } from "./text.ts";

type Value = NonNullable<IssueRow["customFields"]>[number]["value"];

/** What `custom_fields` asks for, in Backlog's parameters and in words. */
export interface CustomFilter {
  query: Query;
  told: ListFilter[];
  /** The same conditions, their days resolved. */
  next: string[];
  /** What an answer shows of each issue. */
  columns: { id: number; name: string }[];
  /** Whether an issue has what was asked for, or does not tell what it has. */
  fits: (issue: IssueRow) => boolean;
}

type Operator = "=" | ">=" | "<=";

interface Condition {
  /** As it was written, for errors. */
  text: string;
  field: string;
  operator: Operator;
  value: string;
}

/** A condition on a field that there is. */
interface Resolved {
  query: Query;
  told: ListFilter;
  next: string[];
  holds: (value: NonNullable<Value>) => boolean;
}

const OPERATORS: Record<string, Operator | undefined> = {
  "=": "=",
  "==": "=",
  ">=": ">=",
  "≧": ">=",
  "≥": ">=",
  "<=": "<=",
  "≦": "<=",
  "≤": "<=",
};
const CONDITION =
  /^(.+?)\s*([!！][=＝]|≠|[>＞][=＝]?|[<＜][=＝>＞]?|[≧≥≦≤]|[=＝]{1,2})\s*(.*)$/su;

/** `Cost>=100` in its parts. Throws where Backlog has no search for it. */
export function parseCondition(text: string): Condition {
  const refuse = (why: string) =>
    new WordProblem(`custom_fields ${quote(text)}: ${why}`);
  // Quotes may stand around it all, or around either side.
  const bare = unquote(text);
  const [, field = "", sign = "", value = ""] =
    CONDITION.exec(/["“”「」]/.test(bare) ? text : bare) ?? [];
  if (sign === "") {
    throw refuse('give a field, =, >= or <=, and a value, as in "Cost>=100"');
  }
  if (unquote(value) === "") {
    throw refuse("Backlog cannot search for what is empty; give a value");
  }
  const operator = OPERATORS[sign.normalize("NFKC")];
  if (operator === undefined) {
    throw refuse(
      /^[<>＜＞]$/.test(sign)
        ? `use >= or <=, which include the value itself`
        : "Backlog cannot search for what is not so; use =, >= or <=",
    );
  }
  return { text, field: unquote(field), operator, value: unquote(value) };
}

/** Undefined where none is asked for. Throws what there is to choose from. */
export async function resolveCustomFields(
  lookup: Lookup,
  { customFields, ...days }: ListArguments,
): Promise<CustomFilter | undefined> {
  if (customFields.length === 0) return undefined;
  const { fields, project } = await lookup.listCustomFields();
  const candidates = fields.map(({ id, name }) => ({
    ids: [id],
    names: [name],
  }));
  const conditions = customFields.map(parseCondition);
  const found = matchAll(
    conditions.map(({ field }) => field),
    candidates,
    {
      singular: "custom field",
      plural: "Custom fields",
      scope: ` in ${project}`,
    },
  );
  const resolved = conditions.flatMap((condition, index) => {
    const [id] = found[index]?.ids ?? [];
    const field = fields.find((candidate) => candidate.id === id);
    return field ? [{ field, ...resolve(field, condition, days) }] : [];
  });
  const query: Query = {};
  for (const { field, query: asked } of resolved) {
    if (Object.keys(asked).some((parameter) => parameter in query)) {
      throw new WordProblem(
        `custom_fields: ${toName(field.name)} stands there twice, and Backlog takes one value; ask for one of them`,
      );
    }
    Object.assign(query, asked);
  }
  const columns = new Map(
    resolved.map(({ field: { id, name } }) => [id, { id, name }]),
  );
  return {
    query,
    told: resolved.map(({ told }) => told),
    next: resolved.flatMap(({ next }) => next),
    columns: [...columns.values()],
    fits: (issue) =>
      resolved.every(({ field, holds }) => {
        if (!issue.customFields) return true;
        const own = issue.customFields.find(({ id }) => id === field.id);
        if (own?.value === undefined) return own !== undefined;
        return own.value !== null && holds(own.value);
      }),
  };
}

type Days = Pick<ListArguments, "today" | "timeZone">;

// https://developer.nulab.com/docs/backlog/api/2/add-custom-field/
const NUMBER = 3;
const DATE = 4;
const LISTS = [5, 6, 7, 8];

function resolve(
  field: CustomFieldDefinition,
  condition: Condition,
  days: Days,
): Resolved {
  const { typeId } = field;
  if (typeId === NUMBER) return resolveNumber(field, condition);
  if (typeId === DATE) return resolveDate(field, condition, days);
  if (condition.operator !== "=") {
    const kind = LISTS.includes(typeId) ? "a list" : "text";
    throw new WordProblem(
      `custom_fields ${quote(condition.text)}: ${toName(field.name)} is ${kind}; use =`,
    );
  }
  return LISTS.includes(typeId)
    ? resolveItem(field, condition)
    : resolveText(field, condition);
}

function resolveItem(
  { id, name, items }: CustomFieldDefinition,
  { value }: Condition,
): Resolved {
  const candidates = (items ?? []).map((item) => ({
    ids: [item.id],
    names: [item.name],
  }));
  const [item] = matchAll([value], candidates, {
    singular: "value",
    plural: "Values",
    scope: ` of ${toName(name)}`,
  });
  const { ids = [], names: [chosen = ""] = [] } = item ?? {};
  return {
    query: { [`customField_${id}`]: ids[0] },
    told: tell(name, "=", { name: chosen, ids }),
    next: [`${name}=${chosen}`],
    holds: (own) =>
      [own]
        .flat()
        .some((one) =>
          typeof one === "object" && one.id
            ? ids.includes(one.id)
            : fold(typeof one === "object" ? one.name : `${one}`) ===
              fold(chosen),
        ),
  };
}

function resolveText(
  { id, name }: CustomFieldDefinition,
  { value }: Condition,
): Resolved {
  // Whether Backlog takes it for one word or for several is not documented.
  const words = fold(value).split(" ");
  return {
    query: { [`customField_${id}`]: value },
    told: tell(name, "=", { name: JSON.stringify(value), ids: [] }),
    next: [`${name}=${value}`],
    holds: (own) => words.every((word) => fold(`${own}`).includes(word)),
  };
}

function resolveNumber(
  field: CustomFieldDefinition,
  { text, operator, value }: Condition,
): Resolved {
  const digits = value.normalize("NFKC").replace(/(?<=\d),(?=\d{3})/g, "");
  if (!/^[+-]?\d{1,15}(\.\d{1,10})?$/.test(digits)) {
    throw new WordProblem(
      `custom_fields ${quote(text)}: ${toName(field.name)} is a number, and ${quote(value)} is none`,
    );
  }
  const number = Number(digits);
  return resolveRange(field, operator, { from: number, to: number }, Number);
}

function resolveDate(
  field: CustomFieldDefinition,
  { text, operator, value }: Condition,
  days: Days,
): Resolved {
  const read = (end: "since" | "until") => {
    try {
      return parseDay(value, { ...days, end });
    } catch (error) {
      throw new WordProblem(
        `custom_fields ${quote(text)}: ${toMessage(error)}`,
      );
    }
  };
  const range = { from: read("since"), to: read("until") };
  return resolveRange(field, operator, range, (own) => toCalendarDay(`${own}`));
}

/** From the first to the last; of `>=` and `<=` one end is open. */
function resolveRange<Place extends number | string>(
  { id, name }: CustomFieldDefinition,
  operator: Operator,
  { from, to }: { from: Place; to: Place },
  toPlace: (own: NonNullable<Value>) => Place,
): Resolved {
  const min = operator === "<=" ? undefined : from;
  const max = operator === ">=" ? undefined : to;
  const isOne = operator === "=" && from === to;
  const ends = isOne
    ? [["=", from] as const]
    : (
        [
          [">=", min],
          ["<=", max],
        ] as const
      ).filter(([, end]) => end !== undefined);
  return {
    query: {
      ...(min !== undefined && { [`customField_${id}_min`]: min }),
      ...(max !== undefined && { [`customField_${id}_max`]: max }),
    },
    told: {
      label: ends
        .map(([sign, end]) => `${toName(name)} ${sign} ${end}`)
        .join(", "),
      values: [],
      isDefault: false,
    },
    next: ends.map(([sign, end]) => `${name}${sign}${end}`),
    holds: (own) => {
      const place = toPlace(own);
      return (
        (min === undefined || place >= min) &&
        (max === undefined || place <= max)
      );
    },
  };
}

function tell(
  name: string,
  operator: Operator,
  value: ListFilter["values"][number],
): ListFilter {
  return {
    label: `${toName(name)} ${operator}`,
    values: [value],
    isDefault: false,
  };
}
