// How search results are ordered: pages that explain stand before the list of functions, and that before source code.
// Sphinx declares this name with `var`, too.
var Scorer = {
  score: ([page, , , , score]) => {
    const last = page.startsWith("_modules/") ? 2 : Number(page === "book/reference");
    return score - 1000 * last;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
