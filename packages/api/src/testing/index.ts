export { arbitraryOf, nearlyValidOf } from "./arbitraries.ts";
