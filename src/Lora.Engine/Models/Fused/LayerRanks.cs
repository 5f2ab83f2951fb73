namespace Lora.Models;

/// <summary>The ranks of what adapts the products of a block, added up by product; 0 where nothing does; and whether any of their inputs is dropped.</summary>
internal readonly record struct LayerRanks(long QueryKeyValue, long Output, long GateUp, long Down, bool HasDropout);
