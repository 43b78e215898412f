import { type BacklogCall, PAGE_SIZE, type Query } from "./backlog.ts";
import { BacklogError, valueOrError } from "./errors.ts";
import type { IssueRow } from "./responses.ts";

/** What is searched for by its absence. */
export interface Unset {
  /** Nobody's issues, beside those of the people named or instead. */
  nobody: boolean;
  noDueDate: boolean;
}

type Hold = (issue: IssueRow) => boolean;

/** One of the two, as Backlog may be asked for it. */
interface Condition {
  /** The filter, and the search without it. */
  asked: Query;
  alone: Query;
  lifted: Query;
  /** Of an issue that Backlog found by `alone`. */
  isUnset: Hold;
  /** Of an issue that is meant. */
  holds: Hold;
}

/**
 * The filters that Backlog is seen to honour, and what the issues have to be
 * looked at for: neither `assigneeId[]=-1` nor whether each space knows
 * `hasDueDate=false` is documented. Unknown is neither nobody nor none.
 */
export async function applyUnset(
  call: BacklogCall,
  filters: Query,
  { nobody, noDueDate }: Unset,
): Promise<{ filters: Query; holds: Hold[] }> {
  const { assigneeId, ...others } = filters;
  const people = Array.isArray(assigneeId) ? assigneeId : [];
  const conditions: Condition[] = [
    ...(nobody ? [toNobody(people)] : []),
    ...(noDueDate ? [NO_DUE_DATE] : []),
  ];
  const without = nobody ? others : filters;
  const honoured = await Promise.all(
    conditions.map((condition) => isHonoured(call, without, condition)),
  );
  const applied = conditions.map(({ asked, lifted }, index) =>
    honoured[index] ? asked : lifted,
  );
  return {
    filters: Object.assign({}, filters, ...applied),
    holds: conditions
      .filter((_, index) => !honoured[index])
      .map(({ holds }) => holds),
  };
}

function toNobody(people: readonly (string | number)[]): Condition {
  const isUnset: Hold = ({ assignee }) => assignee === null;
  return {
    asked: { assigneeId: [...people, -1] },
    alone: { assigneeId: [-1] },
    lifted: { assigneeId: undefined },
    isUnset,
    holds: (issue) =>
      isUnset(issue) || people.some((id) => id === issue.assignee?.id),
  };
}

const hasNoDueDate: Hold = ({ dueDate }) => dueDate === null;

const NO_DUE_DATE: Condition = {
  asked: { hasDueDate: false },
  alone: { hasDueDate: false },
  lifted: {},
  isUnset: hasNoDueDate,
  holds: hasNoDueDate,
};

/**
 * Whether Backlog applied the filter: it brought something, nothing else, and
 * less than there is without it.
 */
async function isHonoured(
  call: BacklogCall,
  without: Query,
  { alone, isUnset }: Condition,
): Promise<boolean> {
  const query = { ...without, ...alone };
  const [page, all] = await Promise.all([
    valueOrError(call.listIssues({ ...query, offset: 0, count: PAGE_SIZE })),
    valueOrError(call.countIssues(without)),
  ]);
  if (page instanceof BacklogError) {
    if (page.status === 400) return false;
    throw page;
  }
  if (all === 0) return true;
  if (page.entries.length === 0 || !page.entries.every(isUnset)) return false;
  const isWhole = page.sent.length < PAGE_SIZE;
  const found = isWhole ? page.sent.length : await call.countIssues(query);
  return all instanceof BacklogError || found < all;
}

/**
 * The filters, their order turned where Backlog begins with the lowest: which
 * way it sorts priorities is not documented. IDs are 2 High, 3 Normal, 4 Low.
 */
export async function putHighestFirst(
  call: BacklogCall,
  { filters, limit }: { filters: Query; limit: number },
): Promise<Query> {
  if (filters.sort !== "priority" || limit === 0) return filters;
  const [down, up] = await Promise.all(
    ["desc", "asc"].map(async (order) => {
      const query = { ...filters, order, offset: 0, count: 20 };
      const page = await valueOrError(call.listIssues(query));
      if (page instanceof BacklogError) return undefined;
      return page.entries.find(({ priority }) => priority?.id)?.priority?.id;
    }),
  );
  const isTurned = down != null && up != null && down > up;
  if (!isTurned) return filters;
  return { ...filters, order: filters.order === "desc" ? "asc" : "desc" };
}
