// Loads the page again once a post or a template has changed; asks every second.
const { stamp } = document.querySelector("[data-stamp]").dataset;
setInterval(async () => {
  try {
    const answer = await fetch("/preview/stamp", { cache: "no-store" });
    if (answer.ok && (await answer.text()) !== stamp) location.reload();
  } catch {
    // The daemon is being restarted: ask again.
  }
}, 1000);
