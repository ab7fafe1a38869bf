// The page's side of the explorers: eslint's recommended rules, and short modules as in Python.

import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    files: ["memcalc/**/*.js", "tests/page/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: { "max-lines": ["error", 400], "no-unused-expressions": "off", "prefer-const": "error", eqeqeq: "error" },
  },
];
