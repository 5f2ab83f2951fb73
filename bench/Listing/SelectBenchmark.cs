using Lora.Selection;

namespace Lora.Bench;

/// <summary>Deciding about a million module names with a hundred entries.</summary>
internal static class SelectBenchmark
{
    private const int Names = 1_000_000;
    private const int Entries = 100;

    public static void Run()
    {
        string[] roles = ["self_attn.q_proj", "self_attn.k_proj", "mlp.down_proj", "mlp.experts.7.up_proj", "input_layernorm"];
        string[] names = [.. Enumerable.Range(0, Names).Select(index => $"model.layers.{index / roles.Length}.{roles[index % roles.Length]}")];
        string[] entries = [.. Enumerable.Range(0, Entries).Select(index => index == 0 ? "q_proj" : $"layers.{index * 31}.mlp.down_proj")];
        TargetSelector selector = new(new LoraConfig { TargetModule = entries });
        int found = 0;
        Measurement time = Measurement.Of(() => found = names.Count(name => selector.Decide(name).Targeted), repetitions: 7);
        Table.Head("selecting", "ms, median (range)");
        Table.Row($"{Names:N0} names, {Entries} entries, {found:N0} found", time.Milliseconds());
    }
}
