// Requests at a fixed rate: k6 run -e URL=http://127.0.0.1:8000/predict/squeezenet1_1 -e RATE=50 bench/k6.js
import http from "k6/http";

const photograph = open("../service/page/examples/cat.jpg", "b");
const arrival = {executor: "constant-arrival-rate", duration: "30s", preAllocatedVUs: 64, maxVUs: 512};

export const options = {
  scenarios: {predict: {...arrival, rate: Number(__ENV.RATE || 50)}},
  thresholds: {http_req_failed: ["rate==0"], dropped_iterations: ["count==0"]},
  summaryTrendStats: ["p(50)", "p(90)", "p(99)", "max"],
};

export default () => http.post(__ENV.URL, photograph, {headers: {"Content-Type": "image/jpeg"}});
