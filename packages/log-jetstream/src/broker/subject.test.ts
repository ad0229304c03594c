import { expect, test } from "vitest";
import { filtersOverlap, subjectMatches } from "./subject.ts";

test("a subject matches itself, a star for a token, and a greater-than sign for the rest", () => {
  expect(subjectMatches("a.b", "a.b")).toBe(true);
  expect(subjectMatches("a.*", "a.b")).toBe(true);
  expect(subjectMatches("*.b", "a.b")).toBe(true);
  expect(subjectMatches("a.>", "a.b.c")).toBe(true);
  expect(subjectMatches(">", "a")).toBe(true);
});

test("a star is exactly one token, and a greater-than sign at least one", () => {
  expect(subjectMatches("a.*", "a.b.c")).toBe(false);
  expect(subjectMatches("a.*", "a")).toBe(false);
  expect(subjectMatches("a.>", "a")).toBe(false);
  expect(subjectMatches("a.b", "a.b.c")).toBe(false);
  expect(subjectMatches("a.b.c", "a.b")).toBe(false);
});

test("filters overlap when one subject could match both", () => {
  expect(filtersOverlap("a.*", "*.b")).toBe(true);
  expect(filtersOverlap("a.>", "a.b.c")).toBe(true);
  expect(filtersOverlap("a.>", "a")).toBe(false);
  expect(filtersOverlap("a.b", "a.c")).toBe(false);
  expect(filtersOverlap("a.*", "a.b.c")).toBe(false);
});
