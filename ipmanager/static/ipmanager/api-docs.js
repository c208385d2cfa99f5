// Shows the API's description. A session may try requests: its CSRF token is sent along.
const place = document.getElementById("swagger-ui");

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(name + "="));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.schema,
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor(request) {
    if (new URL(request.url, location.href).origin === location.origin) {
      request.headers["X-CSRFToken"] = (cookie("__Host-csrftoken") || cookie("csrftoken"));
    }
    return request;
  },
});
