import { secretOperations } from "../support/fault-secrets.ts";
import { describeFaults } from "../support/fault-tests.ts";

describeFaults("work on secrets", secretOperations);
