using System.Globalization;
using Lora.Models;
using Lora.Native;
using Lora.Tools.Operators;
using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>
/// What a step launches, moves and multiplies, counted on tensors without values, and how long that would take on cards that are not here. The same
/// arithmetic for this processor stands beside what the step takes on it.
/// </summary>
internal static class LaunchBenchmark
{
    private static readonly (string Name, Func<int, ModelShape> Shape, int Blocks, int[] Lengths)[] Cases =
    [
        ("SmolLM-135M, 4 x 512", Shapes.SmolLM, 30, [512, 512, 512, 512]),
        ("SmolLM-135M, 1 x 2048", Shapes.SmolLM, 30, [2048]),
        ("Llama-3.2-1B, 1 x 2048", Shapes.Llama1B, 16, [2048]),
        ("Llama-3.2-1B, 32 x 64", Shapes.Llama1B, 16, [.. Enumerable.Repeat(64, 32)]),
        ("Pythia-1.4B, 1 x 2048", Shapes.Pythia, 24, [2048]),
        ("Gemma 2 of 2B, 4 x 512", Shapes.Gemma2, 26, [512, 512, 512, 512]),
        ("Gemma 2 of 2B, 1 x 2048", Shapes.Gemma2, 26, [2048]),
        ("Llama-3.1-8B, 1 x 2048", Shapes.Llama8B, 32, [2048]),
        ("Llama-3.1-8B, 2 x 4096", Shapes.Llama8B, 32, [4096, 4096]),
    ];

    private static readonly (string Name, LoraQuantization Quantization, LoraConfig Config)[] Forms =
    [
        ("bfloat16", LoraQuantization.None, new()), ("bfloat16, dropout", LoraQuantization.None, new() { Dropout = 0.1 }),
        ("bfloat16, DoRA", LoraQuantization.None, new() { UseDora = true }), ("NF4", LoraQuantization.NF4, new()),
    ];

    public static void Run()
    {
        TorchLibrary.Load();
        if (OperatorCounter.Reason is string reason)
        {
            Console.WriteLine(reason);
            return;
        }

        Counted[] counted =
        [
            .. from found in Cases
               from form in Forms
               select Counted.Of($"{found.Name}, {form.Name}", blocks => new MetaStep(ScalarType.BFloat16, found.Shape(blocks), form.Quantization, form.Config), found.Blocks, found.Lengths),
        ];
        ShowCounts(counted);
        ShowCards(counted);
        ProcessorComparison.Run();
    }

    private static void ShowCounts(Counted[] counted)
    {
        Console.WriteLine("\nCounted: a step with clipping and the update of the adapter, computed in bfloat16, rank 16 on all linear layers of the blocks, nothing computed again\n");
        Table.Head("shape", "operators, a block", "beside the blocks", "all", "read, GB", "written, GB", "TFLOP", "memory by plan, GB");
        foreach (Counted step in counted)
        {
            Table.Row(
                step.Name,
                Whole(step.OfBlock),
                Whole(step.Costs.Length - ((long)step.Blocks * step.OfBlock)),
                Whole(step.Costs.Length),
                One(step.Costs.Sum(cost => cost.Read) / 1e9),
                One(step.Costs.Sum(cost => cost.Written) / 1e9),
                One(step.Costs.Sum(cost => cost.Flops) / 1e12),
                One(step.Memory / 1e9));
        }
    }

    private static void ShowCards(Counted[] counted)
    {
        Console.WriteLine("\nPredicted: tokens/s, and what bounds them; no card has run it\n");
        Table.Head(["shape", .. Card.All.Select(card => card.Name)]);
        foreach (Counted step in counted)
        {
            Table.Row([step.Name, .. Card.All.Zip(step.OnCards, (card, fitting) => Shown(step, card, fitting))]);
        }

        Console.WriteLine();
        Table.Head("card", "bandwidth, GB/s", "16-bit products, TFLOP/s", "float32 products, TFLOP/s", "source");
        foreach (Card card in Card.All)
        {
            Table.Row(card.Name, Whole(card.Bandwidth / 1e9), One(card.Half / 1e12), One(card.Single / 1e12), card.Source);
        }
    }

    private static string Shown(Counted step, Card card, (Recomputation Again, OperatorCost[] Costs)? fitting)
    {
        if (fitting is not (Recomputation again, OperatorCost[] costs))
        {
            return "does not fit";
        }

        Prediction prediction = card.Rates.Of(costs);
        (int Count, string What)[] parts = [(again.Attentions, "attention"), (again.Activations, "norms and activations"), (again.Blocks, "all")];
        string computed = again == default ? "" : "; computed again: " + string.Join(", ", parts.Where(part => part.Count > 0).Select(part => $"{part.What} of {part.Count}"));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{step.Tokens / prediction.Total:N0}, {prediction.Bound} ({1e3 * prediction.Launches:F0} launches, {1e3 * prediction.Products:F0} products, {1e3 * prediction.Memory:F0} memory, ms){computed}");
    }

    private static string Whole(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:N0}");

    private static string One(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:N1}");

    /// <summary>A step of some shape, counted; on each card with what its memory asks to be computed again, null where it does not fit so either.</summary>
    private sealed record Counted(
        string Name, int Blocks, double Tokens, int OfBlock, OperatorCost[] Costs, double Memory, IReadOnlyList<(Recomputation Again, OperatorCost[] Costs)?> OnCards)
    {
        public static Counted Of(string name, Func<int, MetaStep> step, int blocks, int[] lengths)
        {
            using MetaStep whole = step(blocks);
            using MetaStep two = step(2);
            using MetaStep three = step(3);
            int ofBlock = three.Count(lengths).Length - two.Count(lengths).Length;
            OperatorCost[] costs = whole.Count(lengths);
            return new(name, blocks, lengths.Sum(), ofBlock, costs, whole.Memory(lengths), [.. Card.All.Select(OnCard)]);

            (Recomputation, OperatorCost[])? OnCard(Card card) =>
                whole.Fitting(lengths, card.Memory) is Recomputation again ? (again, again == default ? costs : whole.Count(lengths, again)) : null;
        }
    }
}
