import { begin } from "./lesson.js";

begin();
