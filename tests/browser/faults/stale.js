// A worker that the browser kept from another version of the page: it says that it is ready in messages of another number. The number is the second byte of what it says
// first, behind the kind of the message.
const post = self.postMessage;
let first = true;
self.postMessage = (message, ...rest) => {
  if (first && message.head) {
    first = false;
    message.head[1] += 1;
  }
  post.call(self, message, ...rest);
};
