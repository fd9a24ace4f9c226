# What R says of the people in this folder: written to statistics.tsv beside, which tests read.
# usage: Rscript tests/oracles/statistics.R     (Debian 12: r-base-core r-cran-survival r-cran-lme4
#   r-cran-mass r-cran-sandwich r-cran-lmtest r-cran-proc r-cran-car r-cran-emmeans r-cran-psych
#   r-bioc-sva)
suppressPackageStartupMessages({
  library(MASS); library(sandwich); library(lmtest); library(survival); library(lme4)
  library(pROC); library(car); library(emmeans); library(psych)
})
args <- commandArgs(FALSE)
here <- dirname(sub("--file=", "", args[grep("--file=", args)]))
read <- function(name) read.csv(file.path(here, name), stringsAsFactors = FALSE)
people <- read("people.csv"); counts <- read("counts.csv")
visits <- read("visits.csv"); readings <- read("readings.csv")
people$group <- factor(people$group, levels = c("HC", "non", "NPSLE"))
two <- subset(people, group != "HC"); two$ill <- as.numeric(two$group == "NPSLE")
rows <- list()
say <- function(name, call) {
  text <- paste(deparse(substitute(call)), collapse = " ")
  value <- as.numeric(call)[1]
  rows[[length(rows) + 1]] <<- data.frame(name, value = sprintf("%.15g", value),
                                          command = gsub("\\s+", " ", text))
}

# counts of 11 v 12 people
nb <- glm.nb(deviations ~ in_group + offset(log(assessed)), counts,
             control = glm.control(epsilon = 1e-12, maxit = 100))
fixed <- glm(deviations ~ in_group + offset(log(assessed)), counts, family = negative.binomial(1),
             control = glm.control(epsilon = 1e-12))
hc3 <- vcovHC(fixed, type = "HC3")
say("rate ratio, dispersion 1", exp(coef(fixed)[2]))
say("SE of ln rate ratio, dispersion 1, HC3", sqrt(hc3[2, 2]))
say("SE of ln rate ratio, dispersion 1, HC0", sqrt(vcovHC(fixed, type = "HC0")[2, 2]))
say("lower limit of the rate ratio, HC3, t", exp(coefci(fixed, "in_group", vcov. = hc3, df = 21)[1]))
say("p of the rate ratio, HC3, t", coeftest(fixed, vcov. = hc3, df = 21)[2, 4])
say("dispersion by maximum likelihood", 1 / nb$theta)
say("SE of ln rate ratio, dispersion 1, Pearson scale", summary(fixed)$coefficients[2, 2])

# two groups
say("Student's t", t.test(alps ~ group, two, var.equal = TRUE)$statistic * -1)
say("Welch's t, p", t.test(alps ~ group, two)$p.value)
say("Mann-Whitney, p", wilcox.test(sledai ~ group, two, exact = FALSE, correct = FALSE)$p.value)
few <- rbind(subset(two, ill == 1)[1:6, ], subset(two, ill == 0)[1:7, ])
say("Mann-Whitney of 6 v 7, exact p", wilcox.test(alps ~ group, few, exact = TRUE)$p.value)
say("Pearson's chi-square, p", chisq.test(table(two$group, two$sex)[2:3, ], correct = FALSE)$p.value)
say("Fisher's exact of 6 v 7, p", fisher.test(table(few$ill, few$wmh_status))$p.value)
say("Fisher-Freeman-Halton, p", fisher.test(table(people$group, people$site, people$sex)[, , 1])$p.value)

# three groups
say("analysis of variance, F", anova(lm(alps ~ group, people))$F[1])
say("Welch's analysis of variance, F", oneway.test(alps ~ group, people)$statistic)
say("Kruskal-Wallis, H", kruskal.test(sledai ~ group, people)$statistic)
say("Dunn's z, NPSLE - HC", { r <- rank(people$sledai); n <- length(r); ties <- table(r)
  spread <- n * (n + 1) / 12 - sum(ties^3 - ties) / (12 * (n - 1))
  m <- tapply(r, people$group, mean); k <- table(people$group)
  (m["NPSLE"] - m["HC"]) / sqrt(spread * (1 / k["NPSLE"] + 1 / k["HC"])) })

# analysis of covariance
ancova <- lm(alps ~ group + age + sex + bmi, people)
means <- emmeans(ancova, "group", weights = "proportional")
say("ANCOVA, F of the group", Anova(ancova, type = 2)["group", "F value"])
say("ANCOVA, p of the group", Anova(ancova, type = 2)["group", "Pr(>F)"])
say("ANCOVA, partial eta squared", { a <- Anova(ancova, type = 2)
  a["group", "Sum Sq"] / (a["group", "Sum Sq"] + a["Residuals", "Sum Sq"]) })
say("adjusted mean of NPSLE", summary(means)$emmean[3])
say("SE of the adjusted mean of NPSLE", summary(means)$SE[3])
say("adjusted NPSLE - HC", summary(pairs(means, reverse = TRUE, adjust = "none"))$estimate[2])
say("adjusted NPSLE - HC, p", summary(pairs(means, reverse = TRUE, adjust = "none"))$p.value[2])
say("adjusted NPSLE - HC, p Holm", summary(pairs(means, reverse = TRUE, adjust = "holm"))$p.value[2])
say("adjusted NPSLE - HC, p Tukey", summary(pairs(means, reverse = TRUE, adjust = "tukey"))$p.value[2])
hc3.ancova <- vcovHC(ancova, type = "HC3")
say("ANCOVA, F of the group, HC3", waldtest(ancova, . ~ . - group, vcov = hc3.ancova)$F[2])

# linear models
model <- lm(wm ~ ill + age + sex + tiv, two)
say("B of the contrast", coef(model)[2])
say("SE of B", summary(model)$coefficients[2, 2])
say("SE of B, HC3", sqrt(vcovHC(model, type = "HC3")[2, 2]))
say("VIF of the contrast", vif(model)["ill"])
say("greatest Cook's distance", max(cooks.distance(model)))
say("Breusch-Pagan, p", bptest(model)$p.value)
interaction <- lm(wm ~ ill * age + sex + tiv, two)
say("interaction of contrast and age", coef(interaction)["ill:age"])
say("SE of the interaction, HC3", sqrt(vcovHC(interaction, type = "HC3")["ill:age", "ill:age"]))

# partial correlations
left <- function(name) resid(lm(reformulate(c("age", "sex", "bmi"), name), people))
say("partial r (Pearson)", cor(left("alps"), left("ldl")))
ranked <- data.frame(lapply(people[c("alps", "ldl", "age", "bmi")], rank), sex = rank(people$sex))
say("partial r (Spearman)", cor(resid(lm(alps ~ age + bmi + sex, ranked)),
                                resid(lm(ldl ~ age + bmi + sex, ranked))))

# yes or no, and counts, as outcomes
logistic <- glm(wmh_status ~ ill + age + sex, two, family = binomial,
                control = glm.control(epsilon = 1e-12))
say("odds ratio", exp(coef(logistic)[2]))
say("SE of ln odds ratio", summary(logistic)$coefficients[2, 2])
say("likelihood ratio of the contrast, p", anova(update(logistic, . ~ . - ill), logistic, test = "LRT")[2, 5])
number <- glm.nb(lesions ~ ill + age + sex, two, control = glm.control(epsilon = 1e-12, maxit = 100))
fixed.number <- glm(lesions ~ ill + age + sex, two, family = negative.binomial(1 / 0.7),
                    control = glm.control(epsilon = 1e-12))
say("ratio of lesion numbers, dispersion by likelihood", exp(coef(number)[2]))
say("SE of ln ratio, dispersion 0.7, HC3", sqrt(vcovHC(fixed.number, type = "HC3")[2, 2]))

# markers
first <- roc(two$ill, two$alps, direction = ">", quiet = TRUE)
second <- roc(two$ill, two$nwi, direction = "<", quiet = TRUE)
say("AUC of a marker", auc(first))
say("DeLong's variance of the AUC", var(first, method = "delong"))
say("DeLong's test of two AUCs, p", roc.test(first, second, method = "delong", paired = TRUE)$p.value)
best <- coords(first, "best", best.method = "youden")
say("cut by Youden's index", best$threshold[1])
say("sensitivity at the cut", best$sensitivity[1])
say("specificity at the cut", best$specificity[1])
say("Wilson's lower limit of 14 of 20", prop.test(14, 20, correct = FALSE)$conf.int[1])

# visits
strict <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))
over <- lmer(alps ~ group * time + age + sex + (1 | id), visits, control = strict)
say("group x time", fixef(over)["groupNPSLE:time"])
say("SE of group x time", sqrt(vcov(over)["groupNPSLE:time", "groupNPSLE:time"]))
say("SD between people", attr(VarCorr(over)$id, "stddev"))
slopes <- lmer(alps ~ group * time + age + sex + (1 | id) + (0 + time | id), visits, control = strict)
say("group x time, random slopes", fixef(slopes)["groupNPSLE:time"])
say("SE of group x time, random slopes", sqrt(vcov(slopes)["groupNPSLE:time", "groupNPSLE:time"]))

# agreement
wide <- reshape(readings, idvar = "id", timevar = "reader", direction = "wide")[, -1]
icc <- suppressMessages(ICC(wide, lmer = FALSE)$results)
say("ICC(2,1)", icc$ICC[2])
say("ICC(2,1), lower limit", icc$`lower bound`[2])
say("ICC(3,1)", icc$ICC[3])
say("ICC(3,1), upper limit", icc$`upper bound`[3])
difference <- wide[, 2] - wide[, 1]
say("Bland-Altman, lower limit of agreement", mean(difference) - 1.96 * sd(difference))
say("within-subject CV", { v <- wide[, 1:2]
  sqrt(mean(apply(v, 1, var) / rowMeans(v)^2)) })

# survival
say("log-rank chi-square", survdiff(Surv(years, event) ~ ill, two)$chisq)
cox <- coxph(Surv(years, event) ~ ill + age + sex, two, ties = "efron")
curve <- survfit(Surv(years, event) ~ 1, two, conf.type = "log-log")
say("Kaplan-Meier, share without the event at 3 years", summary(curve, times = 3)$surv)
say("Kaplan-Meier, its lower limit", summary(curve, times = 3)$lower)
say("ln hazard ratio", coef(cox)[1])
say("SE of ln hazard ratio", sqrt(vcov(cox)[1, 1]))
say("concordance", concordance(cox)$concordance)

# sites, several markers, power
batch <- t(as.matrix(people[c("alps", "nwi", "wm", "wmh")]))
design <- model.matrix(~ group + age + sex, people)
harmonised <- suppressMessages(sva::ComBat(batch, batch = people$site, mod = design))
say("ComBat, first value of the first marker", harmonised[1, 1])
say("ComBat, last value of the third marker", harmonised[3, 60])
# the same where the search goes on to the last digit, all values
search <- get("it.sol", asNamespace("sva")); formals(search)$conv <- 1e-13
assignInNamespace("it.sol", search, "sva")
exact <- t(suppressMessages(sva::ComBat(batch, batch = people$site, mod = design)))
writeLines(c("alps,nwi,wm,wmh", apply(exact, 1, function(row) paste(sprintf("%.12g", row), collapse = ","))),
           file.path(here, "harmonised.csv"))
say("mediated effect (a x b)", coef(lm(nwi ~ ill + age, two))["ill"] *
  coef(lm(wm ~ nwi + ill + age, two))["nwi"])
say("people per group for d = 0.5, 80 % power", ceiling(power.t.test(delta = 0.5, power = 0.8)$n))
say("Benjamini-Hochberg, q of the second", p.adjust(c(0.001, 0.02, 0.03, 0.5), "BH")[2])

table <- do.call(rbind, rows)
version <- paste(R.version.string, paste(sapply(c("sandwich", "lme4", "pROC", "emmeans", "survival", "sva"),
  function(p) paste(p, packageVersion(p))), collapse = ", "), sep = "; ")
writeLines(c(paste("#", version), paste(names(table), collapse = "\t"),
             apply(table, 1, paste, collapse = "\t")), file.path(here, "statistics.tsv"))
