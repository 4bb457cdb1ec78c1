import { expect, test } from "bun:test";
import { findSyntax, isBuiltInSyntax } from "../../../src/spec/syntax-image.ts";

test.each([
  ["# syntax=docker/dockerfile:1\nFROM x", "docker/dockerfile:1"],
  ["#syntax = a/b@sha256:1 --option x\r\nFROM x", "a/b@sha256:1 --option x"],
  ["\uFEFF#!/usr/bin/env tool\n# escape=`\n# SYNTAX=a/b\n", "a/b"],
  ["// syntax=a/b\n{}", "a/b"],
  ['{"syntax": "a/b", "more": 1}', "a/b"],
  ["FROM x\n# syntax=a/b\n", undefined],
  ["# a comment\n# syntax=a/b\n", undefined],
  ["# syntax=\nFROM x", undefined],
  ['{"syntax": 1}', undefined],
  ['{"syntax"', undefined],
  ["", undefined],
])("the syntax of %j is %p", (text, syntax) => expect(findSyntax(text)).toBe(syntax));

test.each([
  ["docker/dockerfile", true],
  ["docker/dockerfile:1.7-labs", true],
  ["docker.io/docker/dockerfile:1@sha256:abc", true],
  ["docker/dockerfile-upstream:master", true],
  ["mirror.example:5000/hub/docker/dockerfile:1 --option", true],
  ["docker/dockerfiles", false],
  ["mydocker/dockerfile:1", false],
  ["example/front-end:1", false],
  ["", false],
])("%j is the built-in front end: %p", (syntax, isBuiltIn) =>
  expect(isBuiltInSyntax(syntax)).toBe(isBuiltIn),
);
