namespace Lora.Adapters;

/// <summary>The shapes of A and B and what PEFT calls them.</summary>
/// <param name="Down">A; its first axis is the rank.</param>
/// <param name="Up">B; its second axis is the rank.</param>
/// <param name="DownKey">A's key below the module's name.</param>
/// <param name="UpKey">B's key below the module's name.</param>
internal sealed record LowRankShape(long[] Down, long[] Up, string DownKey = "lora_A.weight", string UpKey = "lora_B.weight");
