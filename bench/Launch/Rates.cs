namespace Lora.Bench;

/// <summary>How fast something computes.</summary>
/// <param name="Bandwidth">Bytes a second, read and written.</param>
/// <param name="Products">FLOP/s of an operator that multiplies matrices, or of attention.</param>
/// <param name="Launch">Seconds from one call of an operator to the next.</param>
/// <param name="Shortest">Seconds that the smallest kernel takes.</param>
/// <param name="IsQueued">Whether calls run ahead of the work, so that the slower of the two counts.</param>
internal sealed record Rates(double Bandwidth, Func<OperatorCost, double> Products, double Launch, double Shortest, bool IsQueued)
{
    /// <summary>Values of exp and its like a second; a card has them sooner than it reads and writes them.</summary>
    public double Functions { get; init; } = double.PositiveInfinity;

    /// <summary>Random numbers a second; the same holds of them.</summary>
    public double Draws { get; init; } = double.PositiveInfinity;

    /// <summary>What a step would take.</summary>
    public Prediction Of(IReadOnlyCollection<OperatorCost> step)
    {
        double products = 0;
        double functions = 0;
        double memory = 0;
        foreach (OperatorCost cost in step)
        {
            // An operator reads, computes and writes at once, so that the slowest of them is what it waits for.
            double multiplying = cost.Flops > 0 ? cost.Flops / Products(cost) : 0;
            double finding = (cost.Functions / Functions) + (cost.Draws / Draws);
            double moving = Math.Max(cost.Bytes / Bandwidth, Shortest);
            _ = multiplying > Math.Max(finding, moving) ? products += multiplying : finding > moving ? functions += finding : memory += moving;
        }

        return new(step.Count * Launch, products, functions, memory, IsQueued);
    }
}

/// <summary>The seconds of a step, by what it waits for.</summary>
/// <param name="Launches">Calls.</param>
/// <param name="Products">Operators that wait for products.</param>
/// <param name="Functions">Operators that wait for values of functions, or for random numbers.</param>
/// <param name="Memory">Operators that wait for memory.</param>
/// <param name="IsQueued">Whether calls run ahead of the work.</param>
internal sealed record Prediction(double Launches, double Products, double Functions, double Memory, bool IsQueued)
{
    /// <summary>Seconds.</summary>
    public double Total => IsQueued ? Math.Max(Launches, Work) : Launches + Work;

    /// <summary>What most of the time is waited for.</summary>
    public string Bound => IsQueued && Launches > Work ? "launches" : Products >= Memory ? "products" : "memory";

    private double Work => Products + Functions + Memory;
}
