using Lora.Data;

namespace Lora.Training;

/// <summary>
/// How many questions are answered rightly, as lm-evaluation-harness counts them (<c>ConfigurableTask.process_results</c>, multiple_choice): the choice with the
/// highest sum of log-likelihoods (acc), or with the highest sum over its length in characters (acc_norm). Of equal ones the first counts, as in np.argmax.
/// </summary>
/// <param name="Questions">Questions with choices.</param>
/// <param name="Right">Those of acc.</param>
/// <param name="RightNormalized">Those of acc_norm.</param>
internal readonly record struct ChoiceTally(long Questions, long Right, long RightNormalized)
{
    public static ChoiceTally operator +(ChoiceTally left, ChoiceTally right) =>
        new(left.Questions + right.Questions, left.Right + right.Right, left.RightNormalized + right.RightNormalized);

    /// <summary>One question.</summary>
    /// <param name="question">Its choices.</param>
    /// <param name="likelihoods">The sum of each choice's log-likelihoods, in nats.</param>
    public static ChoiceTally Of(ExampleChoices question, double[] likelihoods) =>
        new(1, First(likelihoods) == question.Answer ? 1 : 0, First([.. likelihoods.Zip(question.Lengths, (sum, length) => sum / length)]) == question.Answer ? 1 : 0);

    /// <summary>The share that some of the questions are; null where there is none.</summary>
    public double? Share(long some) => Questions == 0 ? null : (double)some / Questions;

    private static int First(double[] values) => Array.IndexOf(values, values.Max());
}
