// Makes the buttons of the feeds page copy the address beside them. Without this file, or where a
// browser has no clipboard for the page, they stay hidden and a click selects the whole address.
"use strict";

for (const button of document.querySelectorAll("button.copy")) {
  const address = button.parentElement.querySelector("code").textContent;
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const name = button.textContent;
    await navigator.clipboard.writeText(address);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = name; }, 2000);
  });
}
