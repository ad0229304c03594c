/** Tags of a resource: which are allowed, and how a set of them changes. */
import type { ServiceError } from "@millrace/api";
import type { StreamsContext } from "../context.ts";

export type Tags = Readonly<Record<string, string>>;

type TagFailure = (code: "InvalidArgumentException", message: string) => ServiceError;

/**
 * Letters, digits and white space of Unicode and `_ . : / = + - % @`. The service's message leaves out the
 * colon, its newer models of the same characters have it.
 */
const ALLOWED = /^[\p{L}\p{N}\p{Z}_.:/=+\-%@]*$/u;

/**
 * The tags of a resource that is being made, or `existing` ones with more added.
 * Order of checks and texts as kinesalite recorded them for streams.
 */
export function withTags(
  context: StreamsContext,
  existing: Tags,
  added: Tags,
  resourceTitle: string,
  failure: TagFailure,
): Tags {
  const texts = Object.entries(added).flat();
  refuseCharacters(texts, "add tags to", resourceTitle, failure);
  if (Object.keys(added).some((key) => key.toLowerCase().startsWith("aws:"))) {
    throw failure(
      "InvalidArgumentException",
      `Failed to add tags to ${resourceTitle} because tag keys that start with aws: are reserved.`,
    );
  }
  const tags = { ...existing, ...added };
  if (Object.keys(tags).length > context.limits.tagsPerResource) {
    // The number is the service's: it said 10 when it already took 50.
    throw failure(
      "InvalidArgumentException",
      `Failed to add tags to ${resourceTitle} because a given stream cannot have more than 10 tags associated with it.`,
    );
  }
  return tags;
}

/** Without the tags that have these keys; keys that no tag has are ignored. */
export function withoutTags(
  existing: Tags,
  keys: readonly string[],
  resourceTitle: string,
  failure: TagFailure,
): Tags {
  refuseCharacters(keys, "remove tags from", resourceTitle, failure);
  const removed = new Set(keys);
  return Object.fromEntries(Object.entries(existing).filter(([key]) => !removed.has(key)));
}

/** Tags as answers show them, in order of their keys. */
export function tagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.keys(tags)
    .sort()
    .map((key) => ({ Key: key, Value: tags[key]! }));
}

function refuseCharacters(
  texts: readonly string[],
  deed: string,
  resourceTitle: string,
  failure: TagFailure,
): void {
  if (!texts.every((text) => ALLOWED.test(text))) {
    throw failure(
      "InvalidArgumentException",
      "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.",
    );
  }
  // Twice checked by the service, and differently.
  if (texts.some((text) => text.includes("%"))) {
    throw failure(
      "InvalidArgumentException",
      `Failed to ${deed} ${resourceTitle} because some tags contained illegal characters. The allowed characters are ` +
        "Unicode letters, white-spaces, '_',',','/','=','+','-','@'.",
    );
  }
}
