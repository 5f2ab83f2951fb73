using static TorchSharp.torch;

namespace Lora.Bench;

/// <summary>How fast something computes.</summary>
/// <param name="Bandwidth">Bytes a second, read and written.</param>
/// <param name="Products">FLOP/s of products in a dtype.</param>
/// <param name="Launch">Seconds from one call of an operator to the next.</param>
/// <param name="Shortest">Seconds that the smallest kernel takes.</param>
/// <param name="IsQueued">Whether calls run ahead of the work, so that the slower of the two counts.</param>
internal sealed record Rates(double Bandwidth, Func<ScalarType, double> Products, double Launch, double Shortest, bool IsQueued)
{
    /// <summary>What a step would take.</summary>
    public Prediction Of(IReadOnlyCollection<OperatorCost> step)
    {
        double launches = step.Count * Launch;
        double products = 0;
        double memory = 0;
        foreach (OperatorCost cost in step)
        {
            // An operator reads, computes and writes at once, so that the slower of them is what it waits for.
            double computing = cost.Flops / Products(cost.Type);
            double moving = Math.Max(cost.Bytes / Bandwidth, Shortest);
            _ = computing > moving ? products += computing : memory += moving;
        }

        return new(launches, products, memory, IsQueued);
    }
}

/// <summary>The seconds of a step, by what it waits for.</summary>
/// <param name="Launches">Calls.</param>
/// <param name="Products">Operators that wait for arithmetic.</param>
/// <param name="Memory">Operators that wait for memory.</param>
/// <param name="IsQueued">Whether calls run ahead of the work.</param>
internal sealed record Prediction(double Launches, double Products, double Memory, bool IsQueued)
{
    /// <summary>Seconds.</summary>
    public double Total => IsQueued ? Math.Max(Launches, Products + Memory) : Launches + Products + Memory;

    /// <summary>What most of the time is waited for.</summary>
    public string Bound => IsQueued && Launches > Products + Memory ? "launches" : Products >= Memory ? "products" : "memory";
}
