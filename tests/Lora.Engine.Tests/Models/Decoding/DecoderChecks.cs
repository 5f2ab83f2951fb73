using Lora.Models;
using Lora.Tests.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Lora.Tests.Models;

/// <summary>What holds for every decoder: with what it keeps of a text it computes what a whole pass over the text does, which the families' reference runs hold.</summary>
internal static class DecoderChecks
{
    /// <summary>Of the largest logit, or absolute below 1: float32, sums in another order.</summary>
    public const double Tolerance = 1e-5;

    /// <summary>The vector code of a model that it serves; a test is skipped by name where the processor has no such vectors.</summary>
    /// <param name="model">The model.</param>
    /// <param name="changes">What adapters change.</param>
    public static IDecoder Direct(CausalLanguageModel model, DirectChanges changes)
    {
        VectorCode.SkipWhereThereIsNone();
        return DirectDecoders.Find(model, changes) ?? throw new InvalidOperationException(DirectDecoders.WhyNot(model));
    }

    public static void TextsOfUnequalLengthsGrow(string family, Func<CausalLanguageModel, IDecoder> begin)
    {
        using TemporaryFolder files = new();
        using DisposeScope scope = NewDisposeScope();
        FamilyCase known = FamilyCase.Open(family, files);
        using CausalLanguageModel model = ModelLoader.Load(known.Folder, CPU, ScalarType.Float32);
        int[][] texts = Texts(known, model.HasLengthRotation ? 1 : known.Ids.shape[0]);
        int[] read = [.. texts.Select((_, row) => 5 - (2 * row))];
        using IDecoder decoder = begin(model);

        Assert.All(texts, (text, row) => decoder.Read(text[..read[row]]));
        for (int step = 0; read.Max() + step < texts[0].Length; step++)
        {
            Assert.All(texts, (text, row) => AssertWhole(model, text[..(read[row] + step)], decoder.Logits(row)));
            decoder.Step([.. texts.Select((text, row) => text[read[row] + step])]);
        }
    }

    public static void ATextIsTakenBackAndGoesOnOtherwise(string family, Func<CausalLanguageModel, IDecoder> begin)
    {
        using TemporaryFolder files = new();
        using DisposeScope scope = NewDisposeScope();
        FamilyCase known = FamilyCase.Open(family, files);
        using CausalLanguageModel model = ModelLoader.Load(known.Folder, CPU, ScalarType.Float32);
        int[][] texts = Texts(known, 2);
        using IDecoder decoder = begin(model);

        decoder.Read(texts[0][..5]);
        decoder.Step([texts[0][5]]);
        decoder.Continue(3, texts[1][..4]);
        AssertWhole(model, [.. texts[0][..3], .. texts[1][..4]], decoder.Logits(0));
        decoder.Step([texts[1][4]]);
        decoder.Continue(8, [texts[1][5]]);
        AssertWhole(model, [.. texts[0][..3], .. texts[1][..6]], decoder.Logits(0));
    }

    /// <summary>Logits [vocabulary] of what follows a text, against those of one pass over all of it.</summary>
    public static void AssertWhole(CausalLanguageModel model, int[] text, ReadOnlySpan<float> logits)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        AssertClose([.. model.call(tensor(text.Select(id => (long)id).ToArray(), [1, text.Length]))[0, -1].data<float>()], logits);
    }

    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> found) =>
        Assert.InRange(Distance(expected, found), 0, Tolerance * Math.Max(1, expected.ToArray().Max(Math.Abs)));

    public static double Distance(ReadOnlySpan<float> expected, ReadOnlySpan<float> found)
    {
        Assert.Equal(expected.Length, found.Length);
        return expected.ToArray().Zip(found.ToArray(), (one, other) => Math.Abs(one - (double)other)).Max();
    }

    private static int[][] Texts(FamilyCase known, long count) =>
        [.. Enumerable.Range(0, (int)count).Select(row => known.Ids[row].data<long>().Select(id => (int)id).ToArray())];
}
