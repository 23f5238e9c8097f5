// Shown inside Airflow's own page, the console leaves its name out and opens Airflow's pages in the outer window.
// Airflow's frame may not navigate its parent, but a link that lives in the parent's document may.
const outer = window.parent !== window ? sameOriginParent() : null;

function sameOriginParent() {
  try {
    return window.parent.document ? window.parent : null;
  } catch {
    return null;
  }
}

if (outer) {
  document.documentElement.classList.add("framed");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const outerLink = outer.document.createElement("a");
    outerLink.href = link.href;
    outer.document.body.append(outerLink);
    outerLink.click();
    outerLink.remove();
  });
}
