using Lora.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>Scores held to ones that were worked out by hand.</summary>
public class LabelScoresTests
{
    [Fact]
    public void Macro_F1_is_the_mean_over_the_labels_that_are_there_or_said()
    {
        using DisposeScope scope = NewDisposeScope();

        // Said: 0, 0, 1, 2; true: 0, 1, 1, 1. F1 of 0: 2·1/(2+1); of 1: 2·1/(1+3); of 2: 0. Nobody has or says 3.
        Tensor logits = nn.functional.one_hot(tensor(new long[] { 0, 0, 1, 2 }), 4).to(ScalarType.Float32);

        LabelScores scores = LabelScores.OfClasses(logits, [0, 1, 1, 1]);

        Assert.Equal(((2.0 / 3) + 0.5 + 0) / 3, scores.MacroF1!.Value, 12);
        Assert.Null(scores.Pearson);
    }

    [Fact]
    public void Of_several_labels_a_place_is_right_where_all_are()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = tensor(new float[] { 1, -1, 1, 1, -1, -1 }, [3, 2]);

        (LabelScores scores, long hits) = LabelScores.OfSeveral(logits, [1, 0, 1, 0, 0, 1]);

        // Label 0: said twice, both right. Label 1: said once and not there, there once and not said.
        Assert.Equal((1, 0.5), (hits, scores.MacroF1));
    }

    [Fact]
    public void Pearson_s_correlation_of_parts_is_that_of_the_whole()
    {
        using DisposeScope scope = NewDisposeScope();

        // Of (1,2,3,5) and (2,1,4,5): Σxy = 41, means 2.75 and 3, variances 8.75/4 and 10/4: (41 - 33) / sqrt(8.75 · 10).
        LabelScores whole = LabelScores.OfNumbers(tensor(new float[] { 1, 2, 3, 5 }, [4, 1]), [2, 1, 4, 5]);
        LabelScores parts = LabelScores.Sum(LabelScores.OfNumbers(tensor(new float[] { 1 }, [1, 1]), [2]), LabelScores.OfNumbers(tensor(new float[] { 2, 3, 5 }, [3, 1]), [1, 4, 5]))!;

        Assert.Equal(8 / Math.Sqrt(87.5), whole.Pearson!.Value, 9);
        Assert.Equal(whole.Pearson.Value, parts.Pearson!.Value, 9);
        Assert.Null(whole.MacroF1);
        Assert.Null(LabelScores.OfNumbers(tensor(new float[] { 1, 2 }, [2, 1]), [3, 3]).Pearson);
    }
}
